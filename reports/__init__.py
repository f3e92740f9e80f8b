"""Readers of result records.  Nothing here imports the engine, the oracles or the harness."""
