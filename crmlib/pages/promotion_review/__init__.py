"""Promotion review: what a promotion brought."""
