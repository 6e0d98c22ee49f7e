"""Rows against their contract: mapping, resolution, refusals."""
