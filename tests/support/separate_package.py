"""The package of the multilingual model found as it is once installed, from the checkout: its folder and its entry point."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localrank_transformers.models.bundled import separate

__all__ = ["PACKAGE", "installed"]

PACKAGE = Path(__file__).parents[2] / "packages/localrank_multilingual"


@contextmanager
def installed(place: Path, package: Path = PACKAGE) -> Iterator[None]:
    """Let `package`, which holds the module localrank_multilingual, be found.

    Args:
        place: An empty folder; gets what an installer writes.
        package: The folder with the module's.
    """
    record = place / "localrank_multilingual-0.3.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: localrank-multilingual\nVersion: 0.3.0\n", "utf-8"
    )
    (record / "entry_points.txt").write_text(
        "[localrank.models]\nlocalrank-multilingual = localrank_multilingual\n", "utf-8"
    )
    before = sys.path[:]
    sys.path[:0] = [str(place), str(package)]
    sys.modules.pop("localrank_multilingual", None)
    separate._module.cache_clear()
    try:
        yield
    finally:
        sys.path[:] = before
        sys.modules.pop("localrank_multilingual", None)
        separate._module.cache_clear()
