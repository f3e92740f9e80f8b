"""Faults planted in the engine one at a time, and the tests that have to notice each."""
