"""Programs whose second run could be answered with the first one's result."""
