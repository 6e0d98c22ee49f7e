"""Funnel: what open deals will bring, where they stand still, and who has to move."""
