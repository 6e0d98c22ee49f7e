"""Promotion desk: every promotion from draft to books, and what they earned together."""
