"""Where to open next, net of what it takes from our own stores."""
