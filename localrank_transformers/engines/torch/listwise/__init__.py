"""Torch models that put documents in order."""
