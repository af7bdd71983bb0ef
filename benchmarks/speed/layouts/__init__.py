"""The same weights in the form that each system wants."""
