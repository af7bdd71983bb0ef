"""One remote call from its checks to its answer."""
