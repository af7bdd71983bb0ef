"""What a client is put through, and what has to come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localrank.server import Limits, create_app
from localrank.server.app import RerankApp
from tests.interop.environments import Client

__all__ = ["SITUATIONS", "Situation", "WatchedApp", "make_app"]

KEY, MODEL = "correct-horse-battery", "localrank-mini"
QUERY = "How long do I boil an egg?"
DOCUMENTS = [
    "The ferry to the island leaves at nine.",
    "Boil an egg for six minutes if you want the yolk soft.",
    "Taxes are due at the end of April.",
    "Hens lay fewer eggs in winter.",
    "A violin has four strings.",
]
RIGHT = 1
MOST_DOCUMENTS = 5


class WatchedApp:
    """Our server, with its requests counted; where it is to be ending, it refuses one and is itself again."""

    def __init__(self, app: RerankApp) -> None:
        self._app = app
        self._ending = False
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Count and pass on."""
        if scope["type"] == "http":
            self.asked += 1
            self._app.state.draining, self._ending = self._ending, False
        await self._app(scope, receive, send)

    def begin(self, *, ending: bool) -> None:
        """Forget what was counted."""
        self.asked, self._ending = 0, ending


def make_app() -> WatchedApp:
    """Return the real server with the embedded model, a key and a small limit."""
    return WatchedApp(create_app([MODEL], api_keys=[KEY], limits=Limits(max_documents=MOST_DOCUMENTS)))


@dataclass(frozen=True, slots=True)
class Situation:
    """One thing that happens to a client.

    Attributes:
        name: In the record.
        judge: Returns what is wrong, or "", given the client, what it said and how often it asked.
        key: What it sends for a key.
        model: What it asks for.
        documents: What it sends.
        ending: Whether the server is ending at first.
        needs_model: Whether only clients that name a model can get into it.
    """

    name: str
    judge: Callable[[Client, dict[str, Any], int], str]
    key: str = KEY
    model: str = MODEL
    documents: tuple[str, ...] = tuple(DOCUMENTS)
    ending: bool = False
    needs_model: bool = False

    def ask(self, url: str) -> dict[str, Any]:
        """Return the question, as the files in `clients/` read it."""
        return {
            "url": url,
            "key": self.key,
            "model": self.model,
            "query": QUERY,
            "documents": list(self.documents),
        }


def _ranked(_: Client, said: dict[str, Any], __: int) -> str:
    if "error" in said:
        return str(said["error"])[:300]
    results = said["results"]
    scores = [score for _, score in results]
    if sorted(index for index, _ in results) != list(range(len(DOCUMENTS))):
        return f"it has the documents {[index for index, _ in results]}"
    if results[0][0] != RIGHT or scores != sorted(scores, reverse=True):
        return f"the order is {results}"
    if not all(0 <= score <= 1 for score in scores):
        return f"scores beyond 0 to 1: {scores}"
    return ""


def _refused_with(words: str) -> Callable[[Client, dict[str, Any], int], str]:
    def judge(client: Client, said: dict[str, Any], asked: int) -> str:
        if "error" not in said:
            return f"it took the refusal for a ranking: {said}"
        if asked != 1:
            return f"it asked {asked} times"
        if client.shows_message and words not in said["error"]:
            return f"the message does not say {words!r}: {said['error'][:300]}"
        return ""

    return judge


def _ending(client: Client, said: dict[str, Any], asked: int) -> str:
    if client.retries:
        return _ranked(client, said, asked) or ("" if asked > 1 else "it asked once and got a ranking")
    return _refused_with("The server is ending.")(client, said, asked)


SITUATIONS = (
    Situation("ranks", _ranked),
    Situation("unknown model", _refused_with("Did you mean"), model="localrank-mimi", needs_model=True),
    Situation("too many documents", _refused_with("--max-documents"), documents=(*DOCUMENTS, "One more.")),
    Situation("wrong key", _refused_with("wants an API key"), key="another-long-key"),
    Situation("server ending", _ending, ending=True),
)
