"""Suites about dtypes: casts, bitcasts, promotion."""
