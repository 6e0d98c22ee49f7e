"""What is known of each customer as of a day: visits, features, labels."""
