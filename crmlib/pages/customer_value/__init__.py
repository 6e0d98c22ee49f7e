"""Customer value: who is worth what, and who moves."""
