"""Remote rerankers against a server on loopback: cost of a call, abort, faults."""
