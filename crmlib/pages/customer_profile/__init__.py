"""Customer profile: what is unusual about a group."""
