"""From a checkpoint to a model folder, and from there into the package."""
