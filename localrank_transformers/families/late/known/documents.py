"""What is known of documents by their texts: in memory, on disk, or from the thread that is reading one right now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from localrank_transformers.families.late.known.in_flight import Flight, Flights
from localrank_transformers.families.late.known.memory import DocumentMemory
from localrank_transformers.families.late.known.packed import Bits, PackedDocument

__all__ = ["Found", "Kept", "KnownDocuments"]


class Kept(Protocol):
    """Where documents outlive the process."""

    def find(self, keys: Sequence[bytes]) -> list[PackedDocument | None]:
        """Return the document of each key, or None."""
        ...

    def keep(self, documents: Sequence[tuple[bytes, PackedDocument]]) -> None:
        """Keep documents by their keys."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A document of a unit.

    Attributes:
        document: Its vectors.
        is_new: Whether this thread read it.
    """

    document: PackedDocument
    is_new: bool


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KnownDocuments:
    """Documents by a cryptographic hash of their texts: nothing that a caller names is part of it.

    Attributes:
        identity: What a document's vectors depend on besides its text: weights, tokenizer, window, prefix.
        memory: Of this process; None where nothing is kept in it.
        store: On disk; None where there is none.
        bits: Of each number of a document.
    """

    identity: bytes
    memory: DocumentMemory | None = None
    store: Kept | None = None
    bits: Bits = 7
    _flights: Flights = field(default_factory=Flights)

    def key(self, text: str) -> bytes:
        """Return the key of a text: the SHA-256 of the identity, which always has the same length, and the text's UTF-8."""
        return sha256(self.identity + text.encode("utf-8", "surrogatepass")).digest()

    def find(self, keys: Sequence[bytes]) -> list[PackedDocument | None]:
        """Return what is known of each document, or None."""
        found: list[PackedDocument | None] = (
            [None] * len(keys) if self.memory is None else self.memory.find(keys)
        )
        if self.store is None:
            return found
        missing = [at for at, document in enumerate(found) if document is None]
        stored = self.store.find([keys[at] for at in missing]) if missing else []
        for at, document in zip(missing, stored, strict=True):
            found[at] = document
        return found

    def read(
        self,
        keys: Sequence[bytes],
        compute: Callable[[list[int]], Sequence[PackedDocument]],
        is_stopped: Callable[[], bool],
    ) -> list[Found]:
        """Return each document: known by now, read by another thread meanwhile, or computed here and kept.

        Args:
            keys: Of the documents.
            compute: Reads those at some positions.
            is_stopped: Whether this call was ended.

        Raises:
            InferenceError: The engine failed, or the call was ended.
        """
        found: dict[bytes, Found] = {}
        while left := [key for key in dict.fromkeys(keys) if key not in found]:
            own, others = self._flights.begin(left)
            found |= self._read_own(own, compute, {key: at for at, key in enumerate(keys)})
            for key, flight in others.items():
                document = flight.wait(is_stopped)
                if document is not None:
                    found[key] = Found(document, is_new=False)
        return [found[key] for key in keys]

    def _read_own(
        self,
        own: dict[bytes, Flight],
        compute: Callable[[list[int]], Sequence[PackedDocument]],
        places: dict[bytes, int],
    ) -> dict[bytes, Found]:
        """Read what nobody else is reading; whatever happens, nobody is left waiting for it."""
        found: dict[bytes, Found] = {}
        try:
            # A thread that ended its flight since the plan was made has kept the document before.
            for key, document in zip(own, self.find(list(own)), strict=True):
                if document is not None:
                    found[key] = Found(document, is_new=False)
            new = [key for key in own if key not in found]
            made = list(zip(new, compute([places[key] for key in new]), strict=True)) if new else []
            for key, document in made:
                found[key] = Found(document, is_new=True)
                if self.memory is not None:
                    self.memory.keep(key, document)
            if self.store is not None and made:
                self.store.keep(made)
        finally:
            for key, flight in own.items():
                self._flights.end(key, flight, found[key].document if key in found else None)
        return found
