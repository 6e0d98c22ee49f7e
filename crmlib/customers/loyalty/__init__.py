"""Repeat trips, card use, retention, referrals, who is overdue."""
