"""How clients write a rerank request and read its answer: one file a family of wires, and the table that tells them apart."""
