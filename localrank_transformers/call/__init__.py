"""One local call, top to bottom; what a family and an engine must say to take part in it stands in `contract`."""
