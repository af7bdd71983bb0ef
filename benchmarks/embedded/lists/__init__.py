"""From records to the lists of documents that are trained on and chosen by."""
