"""What every local reranker closes by: `close`, `aclose`, `with` and `async with`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from localrank.contract.types import RerankWarning
from localrank.providers.worker import run_in_thread
from localrank_transformers.models import bundled
from localrank_transformers.models.location import Location

if TYPE_CHECKING:
    from localrank_transformers.models.catalogue.entries import CatalogueEntry

__all__ = ["Closing", "licence_warnings", "weights_identity"]


class Closing:
    """Base of a reranker that holds weights. A subclass says in `close` how they are let go; a later call loads again."""

    def close(self) -> None:
        """Let go of what is held."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Let go of what is held, without blocking the event loop; see `close`."""
        await run_in_thread(self.close, stop=lambda: None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def licence_warnings(entry: CatalogueEntry | None) -> Iterator[RerankWarning]:
    """Yield the warning for a model that is known to be for non-commercial use only."""
    if entry is not None and entry.commercial is False:
        yield RerankWarning(
            "licence",
            f"The licence of {entry.hub_id or entry.name} ({entry.licence}) does not allow commercial use.",
            feature="licence",
        )


_WEIGHTS = (".onnx", ".onnx_data", ".data", ".safetensors", ".json")

_DIGEST_BYTES = 8


def weights_identity(location: Location) -> str:
    """Return the model's name with the recorded sum of an embedded model, the state of a folder's files, or a hub revision.

    A folder's files are looked at, not read: name, size and time of change stand for their content.
    """
    if location.hub is not None:
        return f"{location.model_id}@{location.hub.revision or 'recorded'}"
    if location.folder is None:
        sums = bundled.SHA256[location.model_id]
        return f"{location.model_id}@{_digest(*sorted(sums.values()))}"
    return f"{location.folder.resolve()}@{_digest(*_states(location.folder))}"


def _states(folder: Path) -> list[str]:
    files = [
        path for place in (folder, folder / "onnx") if place.is_dir() for path in sorted(place.iterdir())
    ]
    stats = [(path.name, path.stat()) for path in files if path.name.endswith(_WEIGHTS)]
    return [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats]


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=_DIGEST_BYTES).hexdigest()
