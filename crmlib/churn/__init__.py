"""Who is leaving, why, and what works against it."""
