"""Models of the hub: found, fetched, kept."""
