"""Suites about what targets lack: integer division, float16, functions."""
