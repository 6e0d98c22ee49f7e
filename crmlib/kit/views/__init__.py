"""A tidy frame in, a great-tables table out; one file per question."""
