"""Introduction: which steps block the switch-over, and whether the old figures are explained to the last fen."""
