"""Make a faster graph of a model's own weights, and say how far its ranking agrees. Needs the extra `optimize`."""
