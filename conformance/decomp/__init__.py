"""Suites about what targets lack: integer division, functions."""
