"""Churn review: who left, at which stage, why, and what wins them back."""
