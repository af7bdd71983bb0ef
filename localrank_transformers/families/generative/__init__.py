"""Models that answer yes or no."""
