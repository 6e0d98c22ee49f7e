"""A page as one self-contained HTML file, and its tables as files."""
