"""Order cycle: who orders next, who is late, and who has stopped."""
