"""A graph from a torch model: exported, compared, converted."""
