"""Bundles: which goods go together for the same member, and what a bundle must bring."""
