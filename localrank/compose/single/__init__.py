"""Wrappers around one model."""
