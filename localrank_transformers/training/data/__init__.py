"""From files of texts to lists that are trained on."""
