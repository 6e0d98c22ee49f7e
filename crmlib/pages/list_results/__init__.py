"""Which lists paid: every list of the register read out by its frozen draw, and what all of a season brought."""
