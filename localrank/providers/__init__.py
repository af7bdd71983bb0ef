"""What provider authors build with: the registry, checked answers, calls of a model, one thread hop."""
