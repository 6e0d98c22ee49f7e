"""The one register of lists at work: drawn, approved, sent, closed, read out; every step filed in the lake, once."""
