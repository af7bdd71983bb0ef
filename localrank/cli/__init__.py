"""The command line: one file a command, and one file each for what they share."""
