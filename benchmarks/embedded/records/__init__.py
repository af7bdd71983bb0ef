"""What is learnt from: records of queries and passages, and which of them are an evaluation's and must not be."""
