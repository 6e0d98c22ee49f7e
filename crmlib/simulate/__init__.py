"""A company whose truth is known, written as the raw exports a POS and a member system would give."""
