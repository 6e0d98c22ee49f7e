"""What a page was made of, and what changed since the last one."""
