"""Receivables: who owes, will it come, whom to call."""
