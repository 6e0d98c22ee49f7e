"""Service: what is overdue, whether promises are kept, what returns, how many agents each half hour needs."""
