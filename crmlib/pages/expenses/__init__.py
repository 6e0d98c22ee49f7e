"""Expenses: what the house costs against sales and against a year ago."""
