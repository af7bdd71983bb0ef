"""What a kind of model means: one file a family."""
