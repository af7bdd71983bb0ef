"""What all measurements share: texts, statistics, the machine, tables, result files."""
