"""How good a finished model is, against its first stages and the model before, and how true its scores are."""
