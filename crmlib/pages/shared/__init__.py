"""What rooms of one question have in common."""
