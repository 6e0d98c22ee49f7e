"""Data health: can these data be trusted."""
