"""Other people's clients, each in an environment of its own, against our server: `python -m tests.interop`."""
