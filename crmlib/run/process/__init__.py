"""The processes that make pages: a warm parent, workers, their ends."""
