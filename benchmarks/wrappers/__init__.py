"""What wrappers cost, and whether their calls answer while a model in them fails."""
