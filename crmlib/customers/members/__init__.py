"""Who is a member: cards told apart, double cards, periods."""
