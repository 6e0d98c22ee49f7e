"""A tidy frame in, an Altair chart out; one file per question."""
