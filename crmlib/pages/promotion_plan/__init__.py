"""Promotion plan: what the next offer will bring."""
