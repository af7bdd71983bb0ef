"""A folder for localrank, as its users make one of their own weights: `localrank models optimize`."""

from __future__ import annotations

import argparse

from localrank.cli.main import main as localrank


def main() -> int:
    """Write the folder from the one for torch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("target")
    arguments = parser.parse_args()
    return localrank(["models", "optimize", arguments.source, "--out", arguments.target])


if __name__ == "__main__":
    raise SystemExit(main())
