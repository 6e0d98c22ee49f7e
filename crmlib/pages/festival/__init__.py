"""Festival: short or left over, by the lunar days before and after it."""
