"""Assignment: the STORE node, regions, versions, hazards."""
