"""Which customers belong together and what is unusual about a group."""
