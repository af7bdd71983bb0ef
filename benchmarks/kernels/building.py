"""Compiles the kernels' sources another way than an installation does."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from localrank_transformers.engines.native import library

__all__ = ["INSTRUCTIONS", "SOURCES", "build"]

SOURCES = Path(library.__file__).with_name("kernels")


def build(folder: Path, variants: Mapping[str, Sequence[str]], flags: Sequence[str] = ()) -> Path:
    """Compile the sources into a library in `folder` and return its path.

    Args:
        folder: An empty one.
        variants: The options of each kind of processor, the fastest first.
        flags: What all are compiled and linked with besides.

    Raises:
        SystemExit: They do not compile.
    """
    hook = _hook()
    hook._LIBRARY = folder / library.FILE
    hook._VARIANTS = {name: list(options) for name, options in variants.items()}
    hook._FLAGS = [*hook._FLAGS, *flags]
    reason = hook._compile(folder)
    if reason:
        raise SystemExit(reason)
    return folder / library.FILE


def _hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("localrank_kernels_build", SOURCES / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INSTRUCTIONS: dict[str, list[str]] = _hook()._VARIANTS
"""What a compiler is told of each kind of processor."""
