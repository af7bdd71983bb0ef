"""Who comes in, and how much: the gate with its keys, and the limits."""
