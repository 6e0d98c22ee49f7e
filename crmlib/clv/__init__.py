"""Customer lifetime value: how much will each customer still buy."""
