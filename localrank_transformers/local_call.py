"""One local call in its thread: tokenize, plan, run, score. Plain synchronous code."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from localrank.contract.cancellation import LinkedToken, raise_if_aborted
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.providers.answers import sort_and_cut, unscored, unscored_warning
from localrank_transformers.engines.onnx import OnnxRequest
from localrank_transformers.loaded import LoadedModel
from localrank_transformers.planner import Unit, plan
from localrank_transformers.scoring import margins, score
from localrank_transformers.tokenization import DocumentTokens, QueryTokens

__all__ = ["LocalCall"]

SLICE = 1024
"""Documents tokenized in one parallel call; what is held in memory is one slice, whatever the number of documents."""

DEADLINE_SLICE = 32
"""With a deadline, so that the first scores are there before the last document is tokenized."""

STOP_BEFORE_DEADLINE_S = 0.005
"""Time to end the running documents and sort what there is."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One different text: its tokens, the tokens of its pair, and the places where it stands."""

    document: DocumentTokens
    length: int
    indexes: list[int]


@dataclass(slots=True)
class _Tally:
    """What a call has computed so far; noted from many threads."""

    scored: dict[int, ScoredIndex] = field(default_factory=dict[int, ScoredIndex])
    tokens: int = 0
    truncated: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, item: _Item, margin: float, value: float) -> None:
        """Enter the score of one text at each of its places."""
        truncated = item.document.truncated
        with self.lock:
            self.tokens += item.length
            self.truncated += len(item.indexes) if truncated else 0
            for index in item.indexes:
                self.scored[index] = ScoredIndex(
                    index, value, truncated=truncated, metadata={"logit": margin}
                )


class LocalCall:
    """Scores the documents of one request with a model that `get_model` hands over, loading it where need be.

    Args:
        get_model: Returns the model and the milliseconds waited for it.
        options: The request.
    """

    def __init__(self, get_model: Callable[[], tuple[LoadedModel, float]], options: DoRerankOptions) -> None:
        self._get_model = get_model
        self._options = options
        self._token = LinkedToken(options.abort_event)
        self._started = time.perf_counter()
        self._request: OnnxRequest | None = None

    def stop(self) -> None:
        """Make `run` end soon; called from the event loop when its task is cancelled."""
        self._token.set()
        if self._request is not None:
            self._request.stop()

    def run(self) -> DoRerankResult:
        """Return the ranking.

        Raises:
            RerankAbortedError: The token was set.
            ModelLoadError: The model cannot be loaded.
            InferenceError: The engine failed.
        """
        model, load_ms = self._get_model()
        raise_if_aborted(self._token)
        self._request = model.engine.request()
        query = model.tokenizer.query(self._options.query)
        tally = _Tally()
        for positions in self._slices():
            if not self._score_slice(model, self._request, query, positions, tally):
                break
        raise_if_aborted(self._token)
        return self._answer(tally, query_truncated=query.truncated, load_ms=load_ms)

    def _slices(self) -> Iterator[dict[str, list[int]]]:
        """Yield the documents in slices: each different text once, with the places where it stands."""
        size = SLICE if self._options.deadline is None else DEADLINE_SLICE
        places: dict[str, list[int]] = {}
        for index, text in enumerate(self._options.documents):
            places.setdefault(text, []).append(index)
        texts = list(places)
        for start in range(0, len(texts), size):
            yield {text: places[text] for text in texts[start : start + size]}

    def _score_slice(
        self,
        model: LoadedModel,
        request: OnnxRequest,
        query: QueryTokens,
        places: dict[str, list[int]],
        tally: _Tally,
    ) -> bool:
        """Score one slice into `tally`; return False when the call is to end here."""
        if self._should_stop():
            return False
        tokenizer = model.tokenizer
        documents = tokenizer.documents(query, list(places))
        items = [
            _Item(document, tokenizer.length(query, document), indexes)
            for document, indexes in zip(documents, places.values(), strict=True)
        ]

        def execute(unit: Unit) -> None:
            rows = [tokenizer.row(query, items[at].document) for at in unit.positions]
            for at, margin in zip(unit.positions, margins(request.run(rows)), strict=True):
                tally.note(items[at], margin, score(margin, model.activation))
            self._options.report_progress(len(tally.scored), len(self._options.documents))

        return model.scheduler.run(
            plan([item.length for item in items], group_tokens=model.group_tokens),
            execute,
            should_stop=self._should_stop,
            on_stop=request.stop,
            at_once=model.threads,
        )

    def _should_stop(self) -> bool:
        return self._token.is_set() or self._is_late()

    def _is_late(self) -> bool:
        deadline = self._options.deadline
        if deadline is None:
            return False
        return time.perf_counter() - self._started >= deadline - STOP_BEFORE_DEADLINE_S

    def _answer(self, tally: _Tally, *, query_truncated: bool, load_ms: float) -> DoRerankResult:
        options = self._options
        count = len(options.documents)
        left = [index for index in range(count) if index not in tally.scored]
        warnings = list(_warnings(options, query_truncated=query_truncated, truncated=tally.truncated))
        if left:
            warnings.append(unscored_warning(count - len(left), count))
        return DoRerankResult(
            results=sort_and_cut([*tally.scored.values(), *unscored(left)], options.top_k),
            usage=RerankUsage(
                input_tokens=tally.tokens,
                duration_ms=(time.perf_counter() - self._started) * 1000 - load_ms,
                load_ms=load_ms,
                truncated_documents=tally.truncated,
            ),
            warnings=warnings,
        )


def _warnings(options: DoRerankOptions, *, query_truncated: bool, truncated: int) -> Iterator[RerankWarning]:
    if query_truncated:
        yield RerankWarning(
            "query_truncated",
            "The query is longer than three quarters of the model's window and was cut to that.",
            feature="query",
        )
    if truncated:
        yield RerankWarning(
            "documents_truncated",
            f"{truncated} of {len(options.documents)} documents are longer than the model's window; only their "
            "beginning was read. They are marked truncated. Cut them into chunks, or take a model with a longer window.",
            feature="documents",
        )
    if options.instruction is not None:
        yield RerankWarning(
            "unsupported", "This model reads no instruction; it was ignored.", feature="instruction"
        )
    for name in (options.provider_options or {}).get("onnx", {}):
        yield RerankWarning(
            "unsupported", f"The onnx provider has no option {name!r}; it was ignored.", feature=name
        )
