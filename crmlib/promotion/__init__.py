"""What an offer costs, what it brought, what the next one will bring."""
