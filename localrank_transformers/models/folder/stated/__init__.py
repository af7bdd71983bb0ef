"""What the files of a folder state: read with types, honoured or refused."""
