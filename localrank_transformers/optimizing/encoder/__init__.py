"""An encoder written down as a graph of our own."""
