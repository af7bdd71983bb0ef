"""What a kind of model means: texts to rows, numbers to logits."""
