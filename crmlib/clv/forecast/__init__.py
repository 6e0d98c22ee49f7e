"""From a fit to purchases, money and their intervals."""
