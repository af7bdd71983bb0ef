"""What torch hands over: graphs, and weights that were pickled."""
