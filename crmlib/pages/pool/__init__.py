"""The shared pool of customers: who returns to it, what lies in it, who may claim whom, and what claiming brought."""
