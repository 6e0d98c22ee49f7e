"""Promotion watch: how the running promotion does."""
