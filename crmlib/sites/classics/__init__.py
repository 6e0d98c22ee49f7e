"""Textbook location problems: p-median, MCI, networks."""
