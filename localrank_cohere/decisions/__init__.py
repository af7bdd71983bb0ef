"""Decision models as rerankers: one state with the query and the documents, and typed questions about them."""
