"""The path of one call, from the caller's arguments to the checked ranking."""
