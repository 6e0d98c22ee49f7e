"""The served apps: server, handlers, login, users, lists."""
