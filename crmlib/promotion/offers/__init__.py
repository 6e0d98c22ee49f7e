"""What an offer costs at the till: rules, prices, refunds, clashes."""
