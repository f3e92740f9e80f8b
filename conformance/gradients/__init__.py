"""Gradients against references that know nothing of them."""
