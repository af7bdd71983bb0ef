"""The recipe of the embedded models: prepare → train → measure; see README.md."""
