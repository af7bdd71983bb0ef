"""What the files of a model folder say."""
