"""What the next promotion will bring: forecast, plan, holdout."""
