"""Cards, vouchers and held goods: what customers have paid for and not drawn."""
