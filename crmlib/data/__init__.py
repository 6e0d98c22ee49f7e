"""Where tables come from and live: sources, mapping, encodings, the lake."""
