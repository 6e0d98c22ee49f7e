"""The cash book: what tills, payment codes and bank accounts took, paid and hold, beside the books they must match."""
