"""Who says how good the documents of a list are, and how their opinions are mixed."""
