"""What a promotion added: the panel, the base, the fit, its parts."""
