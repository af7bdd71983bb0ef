"""Keeps what other libraries say of their own work off the terminal, for the length of a block."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["silenced"]


@contextmanager
def silenced(*loggers: str) -> Iterator[None]:
    """Show no warning, and of the named loggers errors alone; put everything back afterwards."""
    held = [logging.getLogger(name) for name in loggers]
    levels = [logger.level for logger in held]
    for logger in held:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(held, levels, strict=True):
            logger.setLevel(level)
