"""The loop: batches, losses, steps."""
