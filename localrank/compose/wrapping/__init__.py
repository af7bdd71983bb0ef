"""What every wrapper is built from."""
