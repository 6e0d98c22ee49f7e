"""One churn model per module: parameters, fit, result, predictions."""
