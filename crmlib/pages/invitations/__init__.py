"""Invitations: whom to invite with what, where, when and by which means."""
