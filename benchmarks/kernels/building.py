"""Compiles the kernels' sources another way than an installation does."""

from __future__ import annotations

import importlib.util
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from localrank_transformers.engines.native import library

__all__ = ["ARM", "INSTRUCTIONS", "SOURCES", "build"]

SOURCES = Path(library.__file__).with_name("kernels")


def build(
    folder: Path,
    variants: Mapping[str, Sequence[str]] | None = None,
    flags: Sequence[str] = (),
    *,
    compiler: Sequence[str] = (),
    platform: str = "",
) -> Path:
    """Compile the sources into a library in `folder` and return its path.

    Args:
        folder: An empty one.
        variants: The options of each kind of processor, the fastest first; all of the platform's by default.
        flags: What all are compiled with besides.
        compiler: With its options; `cc` or `$CC` by default.
        platform: A wheel's, for which the compiler compiles; this machine's by default.

    Raises:
        SystemExit: They do not compile.
    """
    hook = _hook()
    target = hook._target(platform)
    hook._FOLDER = folder
    if variants is not None:
        hook._VARIANTS[target.machine] = {name: [list(options)] for name, options in variants.items()}
    hook._FLAGS = [*hook._FLAGS, *flags]
    with patch.dict(os.environ, {"CC": shlex.join(compiler)} if compiler else {}):
        reason = hook._compile(folder, target)
    if reason:
        raise SystemExit(reason)
    return Path(target.library)


def _hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("localrank_kernels_build", SOURCES / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INSTRUCTIONS: dict[str, list[str]] = {
    name: spellings[0] for kinds in _hook()._VARIANTS.values() for name, spellings in kinds.items()
}
"""What a compiler is told of each kind of processor."""

ARM: tuple[str, ...] = tuple(_hook()._VARIANTS["aarch64"])
"""The names of Arm's, the fastest first."""
