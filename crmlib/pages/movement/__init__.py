"""Movement: where the change of sales came from and went to."""
