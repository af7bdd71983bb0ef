"""What a model's files may not do: be malformed, be larger than their kind, or point outside their own folder."""
