"""The recipe of the embedded models: records → lists → teachers → training → choosing → measuring → shipping; see README.md."""
