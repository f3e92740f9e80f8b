"""Cases that are replayed on every device in every run of the tests."""
