"""The rows of the table, one file a group of services."""
