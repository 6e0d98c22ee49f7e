"""Parameters of a report: checked, explained, shown as a form."""
