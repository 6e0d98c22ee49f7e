"""A room per report: parameters, study, findings, charts, words. Rooms never import one another."""
