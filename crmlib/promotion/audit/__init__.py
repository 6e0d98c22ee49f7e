"""A promotion judged by other means: differences, synthetic control, sensitivity."""
