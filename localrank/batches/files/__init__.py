"""The files of a job: Parquet, JSON Lines or a TREC run; read in parts of whole queries, written in their kind."""
