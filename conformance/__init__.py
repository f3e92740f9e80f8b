"""The harness that proves or refutes "the same bits on every device", and its suites."""
