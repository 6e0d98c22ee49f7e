"""Site selection: where to open next."""
