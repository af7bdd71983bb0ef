"""How tests are collected; loaded before any other plugin (`-p` in pyproject.toml).

No garbage is collected while pytest reads source files: CPython 3.11 loses count of its depth when garbage is collected in the
middle of `ast.parse`, by which pytest reads test files and those of plugins, some of them only at the end ("AST constructor
recursion depth mismatch").
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


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name no test by a file's content: a packed one has the second in it, and each worker another."""
    return argname if isinstance(val, bytes) and val.startswith(b"\x1f\x8b") else None
