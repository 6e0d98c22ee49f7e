"""Fitting lifetime models: the climb, its certificate, the result."""
