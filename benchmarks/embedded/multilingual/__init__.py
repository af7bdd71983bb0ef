"""The recipe of `localrank-multilingual`; see `benchmarks/embedded/README.md`."""
