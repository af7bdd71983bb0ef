"""The two doors, `OnnxReranker` and `TorchReranker`, and how their models get into memory."""
