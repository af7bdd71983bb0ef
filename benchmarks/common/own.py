"""What the measurements of localrank alone share: the model from the command line, and documents drawn for it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.options import script_parser
from benchmarks.common.results import RESULTS
from benchmarks.common.texts import Texts, read_texts
from benchmarks.speed.workloads import DocumentSet, draw
from localrank_transformers import OnnxReranker

__all__ = ["Own", "parser"]


def parser(description: str | None, *, needs_data: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the options that all have: `--model`, `--precision`, `--data`, `--output`."""
    made = script_parser(description)
    made.add_argument("--model", help="a folder; the embedded model if left out")
    made.add_argument("--precision", default="auto")
    made.add_argument(
        "--data", type=Path, required=needs_data, help="folder of BEIR collections or text files"
    )
    made.add_argument("--output", type=Path, default=RESULTS)
    return made


class Own:
    """The model under measurement, and texts for it.

    Args:
        arguments: From a parser that `parser` made.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.model_name: str | None = arguments.model
        self.precision: str = arguments.precision
        self._texts: Texts | None = read_texts(arguments.data) if arguments.data else None
        self._tokenizer = self.model()

    @property
    def text(self) -> str:
        """What the tables say of the model."""
        return f"{self._tokenizer.model_id}, precision {self.precision}"

    def model(self, precision: str | None = None) -> OnnxReranker:
        """Return a new reranker, not loaded."""
        return OnnxReranker(self.model_name, precision=precision or self.precision)

    def documents(self, kind: str, count: int, number: int = 0) -> DocumentSet:
        """Return a drawn set of documents."""
        return draw(self.texts, self._tokenizer.token_spans, kind, count, number)

    def full_documents(self, count: int, tokens: int) -> DocumentSet:
        """Return documents of `tokens` tokens each."""
        return draw(self.texts, self._tokenizer.token_spans, f"exactly {tokens}", count, 0)

    @property
    def texts(self) -> Texts:
        """Where documents are drawn from."""
        if self._texts is None:
            raise SystemExit("--data is needed")
        return self._texts

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return the characters of each token."""
        return self._tokenizer.token_spans(text)

    def close(self) -> None:
        """Release the model that counted tokens."""
        self._tokenizer.close()
