"""The harness's own score: which planted faults it finds, and whether it names the place."""
