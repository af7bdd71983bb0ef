"""What torch hands over for a graph: one file a family."""
