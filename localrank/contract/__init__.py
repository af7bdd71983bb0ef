"""What callers, models and providers agree on: data, protocols, errors. No tensor, no vendor, no I/O."""
