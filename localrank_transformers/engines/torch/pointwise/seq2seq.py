"""Sequence-to-sequence rerankers in torch: the encoder, one step of the decoder, and the logits of the words that answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from localrank_transformers.call.contract import Row
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.families.generative.causal import CausalPrompt
from localrank_transformers.families.generative.causal_family import CausalFamily
from localrank_transformers.families.generative.seq2seq import SEQ2SEQ_TEMPLATES, end_ids, seq2seq_window
from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["Seq2SeqEngine", "load_seq2seq"]


class Seq2SeqEngine:
    """An encoder and a decoder, read at the first token that it would write.

    Args:
        model: Returns `logits`.
        words: The ids that answer.
        runtime: The device.
    """

    def __init__(self, model: Any, words: Sequence[int], runtime: TorchRuntime) -> None:
        self._model = runtime.adopt(model)
        self._words = list(words)
        self._start = int(model.config.decoder_start_token_id or 0)
        self._pad_id = int(model.config.pad_token_id or 0)
        self._runtime = runtime

    def run(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        """Return the logits of the words, shape (rows, words)."""
        prompts = [row.ids for row in rows]
        ids = self._runtime.tensor(self._runtime.padded(prompts, fill=self._pad_id))
        mask = self._runtime.tensor(self._runtime.padded([np.ones_like(row) for row in prompts], fill=0))
        start = self._runtime.tensor(np.full((len(rows), 1), self._start, dtype=np.int64))

        def forward() -> npt.NDArray[Any]:
            output: torch.Tensor = self._model(
                input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False
            ).logits
            return self._runtime.numbers(output[:, 0, self._words])

        return self._runtime.run(forward)


def load_seq2seq(
    files: SettingsFiles,
    template_name: str,
    settings: TorchSettings,
    runtime: TorchRuntime,
    *,
    affordable: int | None,
) -> tuple[CausalFamily, Seq2SeqEngine]:
    """Return the monoT5 or RankT5 model of `files`.

    Raises:
        ModelLoadError: transformers cannot load it, or its vocabulary lacks a word that answers.
        InvalidRequestError: A window that does not fit.
    """
    tokenizer = files.tokenizer()
    prompt = CausalPrompt(
        tokenizer,
        files.tokenizer(),
        SEQ2SEQ_TEMPLATES[template_name],
        bos=None,
        max_length=seq2seq_window(settings.max_length, affordable),
        end=end_ids(tokenizer),
    )
    words = [prompt.positive] if prompt.negative is None else [prompt.negative, prompt.positive]
    model = load_weights("AutoModelForSeq2SeqLM", files.folder, runtime.placement, settings)
    return CausalFamily(tokenizer, prompt, reads_instruction=False), Seq2SeqEngine(model, words, runtime)
