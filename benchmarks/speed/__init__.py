"""Speed side by side: localrank and its peers with the same weights and the same documents, interleaved in one run."""
