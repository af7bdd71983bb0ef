"""Options that several steps of the recipe have, by one name and in one meaning."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_records", "add_training"]


def add_records(parser: argparse.ArgumentParser, *, seed: int) -> None:
    """Add what a step that reads records needs: `--train`, `--eval`, `--out` and `--seed`."""
    parser.add_argument("--train", type=Path, required=True, help="folder of *.jsonl.gz with records")
    parser.add_argument("--eval", type=Path, required=True, help="collections whose texts must not get in")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=seed)


def add_training(parser: argparse.ArgumentParser, *, lists: str) -> None:
    """Add what a training on lists needs; numbers without a default are the script's own, by `set_defaults`.

    Args:
        parser: Gets `--data`, `--out`, `--steps`, `--max-length`, `--learning-rate`, `--decay`, `--hard`, `--bce`,
            `--save-every` and `--seed`.
        lists: Which script writes the lists.
    """
    parser.add_argument("--data", type=Path, required=True, help=f"folder that {lists} wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--max-length", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--decay", type=float, help="of the average of the weights, a step")
    parser.add_argument("--hard", type=float, help="the label's share where a person gave one")
    parser.add_argument("--bce", type=float, default=0.15)
    parser.add_argument("--save-every", type=int)
    parser.add_argument("--seed", type=int)
