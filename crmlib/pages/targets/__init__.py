"""Targets: shall we make it, who is behind, what must a day bring."""
