"""What a page keeps: remembered results, states between runs."""
