"""Sales pulse: how did we sell, why, and where must I look."""
