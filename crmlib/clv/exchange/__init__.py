"""Lifetime models in and out: lifetimes, files."""
