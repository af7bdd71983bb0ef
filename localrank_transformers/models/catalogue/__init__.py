"""What is known of known models."""
