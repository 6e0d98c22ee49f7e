"""One lifetime model per module, each read like its paper."""
