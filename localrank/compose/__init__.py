"""Rerankers made of rerankers: each wrapper is a model like any other, so they nest freely."""
