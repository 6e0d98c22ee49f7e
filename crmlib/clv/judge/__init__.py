"""Can a lifetime model be believed: back-test, baselines, diagnosis."""
