"""Goods: what grows, earns, sells, lies."""
