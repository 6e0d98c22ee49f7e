"""The ground floor: errors, contracts, money, calendar, frames."""
