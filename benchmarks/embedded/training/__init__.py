"""From lists and teachers to checkpoints."""
