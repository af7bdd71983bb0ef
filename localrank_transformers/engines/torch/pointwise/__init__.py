"""Torch models that score each document by itself."""
