"""Pareto/NBD along the calendar: festivals and seasons as covariates."""
