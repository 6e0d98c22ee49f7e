"""Reports run, are published and served."""
