"""Early warning: who is leaving now, and what is at stake."""
