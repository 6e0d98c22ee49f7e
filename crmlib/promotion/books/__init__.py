"""What a promotion cost and who took it: ledger, budget, states, slots."""
