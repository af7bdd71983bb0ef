"""Which checkpoint, or which mean of some, is the model."""
