"""Margin: what is left, where it is lost, what is carried where."""
