"""How a running promotion does against its plan."""
