"""Which model, where its files are, and what they say."""
