"""Where tables live: the lake, its store, pseudonyms, its health."""
