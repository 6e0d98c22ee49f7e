"""Points: what we owe on them, what of it will be used, what it costs."""
