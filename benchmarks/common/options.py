"""How a script reads its command line."""

from __future__ import annotations

import argparse

__all__ = ["script_parser"]


def script_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help shows a module's docstring in the lines it was written in."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
