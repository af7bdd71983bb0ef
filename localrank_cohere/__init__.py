"""Remote models: Cohere, and every API that speaks one of its dialects."""
