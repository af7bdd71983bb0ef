"""Wrappers around several models, or around none."""
