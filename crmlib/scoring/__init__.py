"""What is each customer worth, and which group do they belong to."""
