"""Generative listwise rerankers in torch: an order written token by token, or read from the logits of the first identifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from localrank.contract.model import DoRerankOptions
from localrank_transformers.call.deadline import StoppedError, Watch
from localrank_transformers.engines.torch.listwise.ordering import ListwiseModel, ListwiseTally
from localrank_transformers.engines.torch.runtime import (
    TorchRuntime,
    cache_argument,
    cache_of,
    check_finite,
    likeliest,
)
from localrank_transformers.engines.torch.settings import Listwise, TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.families.listwise.causal import GENERATIVE_WINDOW, ListPrompt
from localrank_transformers.families.listwise.chat import ChatFormat
from localrank_transformers.families.listwise.ordering import identifiers, repaired, sliding_order
from localrank_transformers.models.folder.settings_files import SettingsFiles
from localrank_transformers.models.folder.shape import longest_window, window

__all__ = ["GenerativeEngine", "load_generative"]


class GenerativeEngine:
    """A causal language model that answers one prompt at a time.

    Args:
        model: transformers' causal language model.
        runtime: The device.
    """

    def __init__(self, model: Any, runtime: TorchRuntime) -> None:
        self._model = runtime.adopt(model)
        self._runtime = runtime
        ends = model.generation_config.eos_token_id
        self._ends = frozenset([ends] if isinstance(ends, int) else ends or ())

    def write(self, ids: Sequence[int], longest: int) -> list[int]:
        """Return the likeliest tokens after `ids`, at most `longest`, without the one that ends them."""
        prompt = self._runtime.tensor(np.array([ids], dtype=np.int64))
        return self._runtime.run(lambda: self._written(prompt, longest))

    def _written(self, prompt: torch.Tensor, longest: int) -> list[int]:
        written: list[int] = []
        last, cache = prompt, None
        while len(written) < longest:
            output = self._model(input_ids=last, logits_to_keep=1, **cache_argument(self._model, cache))
            cache = cache_of(output)
            last = likeliest(output.logits)
            token = int(last)
            if token in self._ends:
                break
            written.append(token)
        return written

    def next_logits(self, ids: Sequence[int], words: Sequence[int]) -> list[float]:
        """Return the logits of `words` as the token after `ids`."""
        prompt = self._runtime.tensor(np.array([ids], dtype=np.int64))

        def forward() -> list[float]:
            logits = self._model(input_ids=prompt, use_cache=False, logits_to_keep=1).logits
            chosen = logits[0, -1, list(words)]
            check_finite(chosen)
            numbers: list[float] = self._runtime.numbers(chosen).tolist()
            return numbers

        return self._runtime.run(forward)


@dataclass(frozen=True, slots=True, repr=False)
class _Generative:
    """See `Orderer`."""

    engine: GenerativeEngine
    prompt: ListPrompt
    listwise: Listwise

    def orders(self, options: DoRerankOptions, watch: Watch, tally: ListwiseTally) -> Iterator[list[int]]:
        def rank_window(window: list[int]) -> list[int]:
            if watch.should_stop():
                raise StoppedError
            places = self._rank(options, window, tally)
            tally.read.update(window)
            return places

        if watch.should_stop():
            raise StoppedError
        settings = self.listwise
        yield from sliding_order(
            len(options.documents),
            size=settings.window,
            stride=settings.stride,
            passes=settings.passes,
            rank_window=rank_window,
        )

    def _rank(self, options: DoRerankOptions, window: list[int], tally: ListwiseTally) -> list[int]:
        asked = self.prompt.prompt(options.query, [options.documents[index] for index in window])
        tally.truncated.update(index for index, cut in zip(window, asked.cut, strict=True) if cut)
        tally.answers += 1
        tally.tokens += len(asked.ids)
        if self.listwise.answer == "first-token":
            logits = self.engine.next_logits(asked.ids, self.prompt.letter_ids(len(window)))
            return sorted(range(len(window)), key=lambda place: (-logits[place], place))
        written = self.engine.write(asked.ids, self.prompt.answer_length(len(window)))
        tally.tokens += len(written)
        written_order = identifiers(self.prompt.answer(written))
        places = repaired(written_order, len(window))
        tally.mended += places != written_order
        return places


def load_generative(
    files: SettingsFiles,
    template: str,
    settings: TorchSettings,
    runtime: TorchRuntime,
    *,
    affordable: int | None,
) -> ListwiseModel:
    """Return the listwise language model of `files`.

    Raises:
        ModelLoadError: transformers cannot load it, or its chat template is unusable.
        InvalidRequestError: A window that does not fit.
    """
    longest = longest_window(files.config, files.tokenizer_config)
    listwise = settings.listwise or Listwise()
    letters = listwise.answer == "first-token"
    tokenizer = files.tokenizer()
    prompt = ListPrompt(
        tokenizer,
        template,
        ChatFormat(
            files.chat_template, bos=files.start_token or "", eos=files.special_token("eos_token") or ""
        ),
        max_length=window(longest, settings.max_length, affordable or GENERATIVE_WINDOW),
        letters=letters,
    )
    if letters:
        prompt.letter_ids(listwise.window)
    model = load_weights("AutoModelForCausalLM", files.folder, runtime.placement, settings)
    return ListwiseModel(_Generative(GenerativeEngine(model, runtime), prompt, listwise), runtime)
