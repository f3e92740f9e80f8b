"""Suites generated from the catalog: every operator, dtype and device."""
