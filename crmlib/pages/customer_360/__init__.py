"""One customer, all that is known."""
