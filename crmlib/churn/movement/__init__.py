"""Who came, who left, at which stage and why, so that the sums close."""
