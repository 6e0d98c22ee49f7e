"""Customer lifetime: what each customer will still bring."""
