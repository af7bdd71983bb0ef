"""Models on torch and transformers."""
