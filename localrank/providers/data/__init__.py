"""Data that people have: queries with documents and judgements, in files and folders; one reading for every command."""
