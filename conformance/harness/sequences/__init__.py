"""Sequences: programs that write into tensors, statement after statement, as text and as data."""
