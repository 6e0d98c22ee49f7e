"""Stock: what runs out, expires, lies."""
