"""Causal rerankers in torch: the shared prefix once, and only the needed rows of the vocabulary at each text's last token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from localrank_transformers.call.contract import DocumentTokens, Scorer
from localrank_transformers.engines.torch.runtime import TorchRuntime, cache_argument
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.families.generative.causal import CausalPrompt, PromptQuery
from localrank_transformers.families.logits import document_logits
from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["CausalEngine", "LastTokenHead", "SharedPromptQuery", "load_causal", "shared_prefix"]

LastTokenHead = Callable[[torch.Tensor], torch.Tensor]
"""Takes the hidden states of last tokens, shape (rows, width); returns logits, shape (rows,), (rows, 1) or (rows, 2)."""


class CausalEngine:
    """A decoder and the head that reads its last token.

    Args:
        decoder: Gives `last_hidden_state`, normed.
        head: Reads it.
        runtime: The device.
    """

    def __init__(self, decoder: Any, head: LastTokenHead, runtime: TorchRuntime) -> None:
        self.decoder = decoder
        self.head = head
        self._runtime = runtime

    def prefix(self, ids: Sequence[int]) -> Any:
        """Return the keys and values of the tokens that all rows begin with."""
        table = self._runtime.tensor(np.array([ids], dtype=np.int64))
        return self._runtime.run(lambda: shared_prefix(self.decoder, table))

    def logits(self, prefix: Any, rows: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[Any]:
        """Return the logits of `rows`, each the tokens after `prefix`.

        Rows are filled up on the right: a causal model's token never sees what comes after it, so neither mask nor shifted
        positions are needed, and each row is read at its own last token.
        """
        ids = self._runtime.tensor(self._runtime.padded(rows, fill=0))
        last = self._runtime.tensor(np.array([len(row) - 1 for row in rows], dtype=np.int64))

        def forward() -> npt.NDArray[Any]:
            hidden = self.decoder(input_ids=ids, **cache_argument(self.decoder, prefix)).last_hidden_state
            return self._runtime.numbers(self.head(hidden[torch.arange(len(rows)), last]))

        return self._runtime.run(forward)


class SharedPromptQuery(PromptQuery):
    """A query whose prompts are computed once up to the document; see `Query`."""

    __slots__ = ()

    @property
    def shared_tokens(self) -> int:
        """Return the tokens up to the document."""
        return len(self.head.ids)

    def scorer(self, request: CausalEngine) -> Scorer:  # type: ignore[override]  # the engine that it was loaded with
        """Return what computes the shared tokens with the first documents, and each document's after them."""
        prefix = None

        def score(documents: Sequence[DocumentTokens]) -> list[float]:
            nonlocal prefix
            if prefix is None:
                prefix = request.prefix(self.head.ids)
            rows = [np.array([*document.ids, *self.prompt.tail], dtype=np.int64) for document in documents]
            return document_logits(request.logits(prefix, rows))

        return score


def load_causal(
    files: SettingsFiles, prompt: CausalPrompt, runtime: TorchRuntime, settings: TorchSettings
) -> CausalEngine:
    """Return the causal language model of `files`, read at the words with which `prompt` is answered.

    Raises:
        ModelLoadError: transformers cannot load it.
    """
    model = load_weights("AutoModelForCausalLM", files.folder, runtime.placement, settings)
    runtime.adopt(model)
    words = [prompt.positive] if prompt.negative is None else [prompt.negative, prompt.positive]
    return CausalEngine(model.get_decoder(), _vocabulary_rows(model, words), runtime)


def _vocabulary_rows(model: Any, words: Sequence[int]) -> LastTokenHead:
    """Return the projection to `words` alone, with what the architecture does to its logits."""
    head = model.get_output_embeddings()
    rows = torch.tensor(words, device=head.weight.device)
    weight = head.weight[rows]
    bias = None if getattr(head, "bias", None) is None else head.bias[rows]
    config = model.config
    scale = float(getattr(config, "logit_scale", None) or 1.0) / float(
        getattr(config, "logits_scaling", None) or 1.0
    )
    cap = getattr(config, "final_logit_softcapping", None)

    def project(hidden: torch.Tensor) -> torch.Tensor:
        logits = torch.nn.functional.linear(hidden, weight, bias).float() * scale
        return logits if cap is None else cap * torch.tanh(logits / cap)

    return project


class _PrefixLayer(DynamicLayer):
    """One layer of the prefix. Joining keeps nothing: what a batch adds is needed within its own layer only."""

    def __init__(self, computed: Any) -> None:
        super().__init__()
        self.lazy_initialization(computed.keys, computed.values)
        self.keys, self.values = computed.keys, computed.values

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the prefix followed by the rows' own keys and values."""
        rows = key_states.shape[0]
        return (
            torch.cat([self.keys.expand(rows, -1, -1, -1), key_states], dim=-2),
            torch.cat([self.values.expand(rows, -1, -1, -1), value_states], dim=-2),
        )


def shared_prefix(decoder: Any, ids: torch.Tensor) -> Cache:
    """Return the cache of `ids`, shape (1, tokens), for batches of any number of rows."""
    # Without the configuration every layer keeps all tokens; windows of attention are in the masks.
    computed = DynamicCache()
    decoder(input_ids=ids, **cache_argument(decoder, computed))
    return Cache(layers=[_PrefixLayer(layer) for layer in computed.layers])
