"""Keeps the training libraries' progress bars and remarks off the terminal for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging as transformers_logging

from localrank_transformers.silence import silenced

__all__ = ["quiet"]

_LOGGERS = ("sentence_transformers", "accelerate", "datasets", "transformers")


@contextmanager
def quiet() -> Iterator[None]:
    """Let errors through, and put everything back afterwards."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        with silenced(*_LOGGERS):
            yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
