"""Files and databases become raw tables: encodings, cells, values."""
