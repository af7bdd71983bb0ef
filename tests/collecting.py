"""Collects no garbage while pytest reads source files; loaded before any other plugin (`-p` in pyproject.toml).

CPython 3.11 loses count of its depth when garbage is collected in the middle of `ast.parse`, by which pytest reads test files
and those of plugins, some of them only at the end ("AST constructor recursion depth mismatch").
"""

from __future__ import annotations

import gc

import pytest

gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again."""
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Collect none until the end."""
    gc.disable()
