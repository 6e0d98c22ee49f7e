"""Can a churn score be believed: back-tests, calibration, drift, probes, profit."""
