"""One contact list: whom to be in touch with, who is, by which means, until when, and what hangs on it."""
