"""Rewrite rules that every target wants: index arithmetic, and algebra that is true bit for bit."""
