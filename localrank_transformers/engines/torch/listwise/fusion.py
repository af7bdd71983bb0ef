"""ListT5 in torch: fusion in decoder, a few tokens written per group, and the tournament over a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutput

from localrank.contract.model import DoRerankOptions
from localrank_transformers.call.contract import DocumentTokens
from localrank_transformers.call.deadline import OutOfMemoryError, StoppedError, Watch
from localrank_transformers.engines.torch.listwise.ordering import ListwiseModel, ListwiseTally
from localrank_transformers.engines.torch.runtime import TorchRuntime, cache_argument, cache_of, likeliest
from localrank_transformers.engines.torch.settings import Listwise, TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.families.generative.seq2seq import seq2seq_window
from localrank_transformers.families.listwise.listt5 import (
    GROUP,
    ListT5Prompt,
    ListT5Query,
    most_relevant_first,
)
from localrank_transformers.families.listwise.tournament import tournament_order
from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["FusionEngine", "load_listt5"]

WRITTEN_TOKENS = GROUP + 1
"""The five places and the end, as the authors' code allows."""


class FusionEngine:
    """Reads the passages of a group apart and writes with all of them in view.

    Args:
        model: T5 with encoder and decoder.
        runtime: The device.
    """

    def __init__(self, model: Any, runtime: TorchRuntime) -> None:
        self._model = runtime.adopt(model)
        self._runtime = runtime
        self._pad_id = int(model.config.pad_token_id or 0)
        self._start = int(model.config.decoder_start_token_id or 0)
        self._end = int(model.config.eos_token_id or 1)

    def write(self, groups: Sequence[Sequence[Sequence[int]]]) -> list[list[int]]:
        """Return the tokens written for each group of rows, always the likeliest one."""
        rows = [np.array(row, dtype=np.int64) for group in groups for row in group]
        ids = self._runtime.tensor(self._runtime.padded(rows, fill=self._pad_id))
        mask = self._runtime.tensor(self._runtime.padded([np.ones_like(row) for row in rows], fill=0))
        return self._runtime.run(lambda: self._written(ids, mask, len(groups)))

    def _written(self, ids: torch.Tensor, mask: torch.Tensor, count: int) -> list[list[int]]:
        hidden = self._model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        fused = BaseModelOutput(last_hidden_state=hidden.reshape(count, -1, hidden.shape[-1]))
        mask = mask.reshape(count, -1)
        last = torch.full((count, 1), self._start, dtype=torch.int64, device=ids.device)
        cache: Any = None
        written: list[torch.Tensor] = []
        for _ in range(WRITTEN_TOKENS):
            output = self._model(
                encoder_outputs=fused,
                attention_mask=mask,
                decoder_input_ids=last,
                **cache_argument(self._model, cache),
            )
            cache = cache_of(output)
            last = likeliest(output.logits)
            written.append(last)
        tokens: list[list[int]] = torch.cat(written, dim=1).cpu().tolist()
        return [row[: row.index(self._end)] if self._end in row else row for row in tokens]


@dataclass(slots=True)
class _Match:
    """The tournament of one call."""

    engine: FusionEngine
    prompt: ListT5Prompt
    query: ListT5Query
    documents: list[DocumentTokens]
    batch_tokens: int
    watch: Watch
    tally: ListwiseTally
    _read: set[int] = field(default_factory=set[int])

    def compare(self, groups: list[tuple[int, ...]]) -> list[list[int]]:
        orders: list[list[int]] = []
        while len(orders) < len(groups):
            if self.watch.should_stop():
                raise StoppedError
            some = groups[len(orders) :][: self._together()]
            try:
                orders += self._compare_some(some)
            except OutOfMemoryError:
                if self.tally.halved or len(some) == 1:
                    raise
                self.tally.halved = True
                self.batch_tokens //= 2
        return orders

    def _together(self) -> int:
        """Return how many groups are computed at once."""
        longest = len(self.query.heads[0]) + max(len(document.ids) for document in self.documents) + 1
        return max(1, self.batch_tokens // (GROUP * longest))

    def _compare_some(self, groups: Sequence[tuple[int, ...]]) -> list[list[int]]:
        rows = [self.prompt.rows(self.query, [self.documents[index] for index in group]) for group in groups]
        orders: list[list[int]] = []
        for group, of_group, written in zip(groups, rows, self.engine.write(rows), strict=True):
            order, mended = most_relevant_first(self.prompt.answer(written))
            orders.append(list(dict.fromkeys(group[place] for place in order)))
            self.tally.answers += 1
            self.tally.mended += mended
            self.tally.tokens += sum(len(row) for row in of_group) + len(written)
            self.tally.read.update(group)
            self.tally.truncated.update(index for index in group if self.documents[index].truncated)
        return orders


@dataclass(frozen=True, slots=True, repr=False)
class _ListT5:
    """See `Orderer`."""

    engine: FusionEngine
    prompt: ListT5Prompt
    listwise: Listwise
    batch_tokens: int

    def orders(self, options: DoRerankOptions, watch: Watch, tally: ListwiseTally) -> Iterator[list[int]]:
        if watch.should_stop():
            raise StoppedError
        query = self.prompt.query(options.query)
        tally.query_truncated = query.truncated
        documents = self.prompt.documents(query, options.documents)
        match = _Match(self.engine, self.prompt, query, documents, self.batch_tokens, watch, tally)
        count = len(documents)
        best = min(self.listwise.best, options.top_k or count)
        yield from tournament_order(
            count, size=GROUP, winners=self.listwise.winners, best=best, compare=match.compare
        )


def load_listt5(
    files: SettingsFiles,
    settings: TorchSettings,
    runtime: TorchRuntime,
    *,
    affordable: int | None,
) -> ListwiseModel:
    """Return the ListT5 model of `files`.

    Raises:
        ModelLoadError: transformers cannot load it.
        InvalidRequestError: A window that does not fit.
    """
    prompt = ListT5Prompt(
        files.tokenizer(), files.tokenizer(), max_length=seq2seq_window(settings.max_length, affordable)
    )
    model = load_weights("AutoModelForSeq2SeqLM", files.folder, runtime.placement, settings)
    engine = FusionEngine(model, runtime)
    orderer = _ListT5(engine, prompt, settings.listwise or Listwise(), runtime.batch_tokens)
    return ListwiseModel(orderer, runtime)
