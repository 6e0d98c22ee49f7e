"""Whom to look after today: the watch list and the snapshot it is made from."""
