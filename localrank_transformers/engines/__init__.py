"""How numbers are computed: one file an engine, each the only importer of its library."""
