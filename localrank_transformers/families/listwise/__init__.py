"""Models that are shown many documents at once."""
