"""Campaigns: random programs without end, judged by workers that may die, kept in a database."""
