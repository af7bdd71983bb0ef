"""Late interaction: a vector a token, compared by MaxSim."""
