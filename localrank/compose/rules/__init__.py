"""The arithmetic of wrappers: pure functions, no model."""
