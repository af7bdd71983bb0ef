"""From a trained model to a folder with a card."""
