"""What every file here has in common: it reads what to ask from its input, one JSON object a line, and prints what came of it.

These files run in their client's environment, where localrank is not installed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TextIO


@dataclass(frozen=True)
class Ask:
    """One question for one client.

    Attributes:
        url: Of the server, without a path.
        key: For it.
        model: The model's name.
        query: What to rank for.
        documents: What to rank.
    """

    url: str
    key: str
    model: str
    query: str
    documents: list[str]

    @property
    def count(self) -> int:
        """How many results to ask for: all."""
        return len(self.documents)

    def place(self, text: str) -> int:
        """Return where `text` stands among the documents."""
        return self.documents.index(text)


def answer_all(clients: Mapping[str, Callable[[Ask], Any]]) -> None:
    """Ask with the client that each line of the input names; a coroutine is run on asyncio."""
    warnings.simplefilter("ignore")
    out, sys.stdout = sys.stdout, sys.stderr  # some clients print
    for line in sys.stdin:
        told = json.loads(line)
        answer(out, clients[told.pop("client")], Ask(**told))


def answer(out: TextIO, client: Callable[[Ask], Any], ask: Ask) -> None:
    """Print (index, score) of each result, or the words of the error."""
    try:
        found = client(ask)
        if asyncio.iscoroutine(found):
            found = asyncio.run(found)
        said: dict[str, Any] = {"results": [[int(index), float(score)] for index, score in found]}
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(said), file=out, flush=True)
