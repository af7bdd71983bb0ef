"""What is known of documents: their tokens' vectors, small, from one call to the next."""
