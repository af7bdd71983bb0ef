"""Cross-encoders without padding: the texts of a batch in one row, so that only real tokens are computed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.torch.device import Placement
from localrank_transformers.engines.torch.packed_attention import has_varlen_kernel
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.engines.torch.settings import TorchSettings

__all__ = ["PackedEngine", "decide", "reads_segments"]

_READS_FIRST_TOKENS = frozenset(
    {
        "BertForSequenceClassification",
        "RobertaForSequenceClassification",
        "XLMRobertaForSequenceClassification",
        "ElectraForSequenceClassification",
    }
)

_ENCODERS = {
    "BertForSequenceClassification": "bert",
    "RobertaForSequenceClassification": "roberta",
    "XLMRobertaForSequenceClassification": "roberta",
    "ElectraForSequenceClassification": "electra",
    "ModernBertForSequenceClassification": "model",
    "ModularClassifier": "encoder",
}

_ENCODER_CLASSES = frozenset(
    {"BertModel", "RobertaModel", "XLMRobertaModel", "ElectraModel", "ModernBertModel"}
)

_COUNT_FROM_PADDING = frozenset({"RobertaModel", "XLMRobertaModel"})
"""Their first position is the one after the padding token's id."""


def decide(settings: TorchSettings, placement: Placement, architecture: str) -> TorchSettings:
    """Return `settings` with packed attention where it is asked for, or where `auto` has it faster.

    That is on a GPU with torch's own kernel, and on a CPU, where it took 6 to 15 % less time than padded batches of texts
    sorted by length (MiniLM-L6, one thread, texts of 22 to 200 tokens).

    Raises:
        InvalidRequestError: It is asked for and cannot be had.
    """
    known = architecture in _ENCODERS or architecture in _ENCODER_CLASSES
    if settings.attention == "packed" and (settings.compile or not known):
        raise InvalidRequestError(
            f'attention is "packed", which {"cannot be compiled" if known else f"{architecture} cannot have"}.',
            hint='Pass attention="auto".',
        )
    kernel = placement.device.type == "cuda" and placement.dtype_name != "fp32" and has_varlen_kernel()
    faster = kernel or placement.device.type == "cpu"
    if settings.attention == "auto" and known and faster and not settings.compile:
        return replace(settings, attention="packed")
    return settings


class PackedEngine:
    """See `EncoderEngine`; its module was loaded with packed attention.

    Args:
        module: Of a class for which `decide` has said so.
        runtime: The device.
    """

    def __init__(self, module: Any, runtime: TorchRuntime) -> None:
        self.config: dict[str, Any] = module.config.to_dict()
        runtime.adopt(module)
        self._runtime = runtime
        self._encoder = getattr(module, _ENCODERS[type(module).__name__])
        self._head = _head(module)
        self._reads_types = reads_segments(module)
        counts = type(self._encoder).__name__ in _COUNT_FROM_PADDING
        self._first_position = int(module.config.pad_token_id) + 1 if counts else 0

    def run(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        """Return the logits of `rows`, shape (rows, labels); see `EncoderEngine.run`."""
        lengths = [len(row.ids) for row in rows]
        borders = self._runtime.tensor(np.cumsum([0, *lengths]).astype(np.int32))
        positions = [np.arange(length) + self._first_position for length in lengths]
        feed = {
            "input_ids": np.concatenate([row.ids for row in rows]),
            "position_ids": np.concatenate(positions).astype(np.int64),
        }
        if self._reads_types:
            feed["token_type_ids"] = np.concatenate([row.types for row in rows])

        def forward() -> npt.NDArray[Any]:
            hidden = self._encoder(
                **{name: self._runtime.tensor(values[None]) for name, values in feed.items()},
                cu_seq_lens_q=borders,
                cu_seq_lens_k=borders,
                max_length_q=max(lengths),
                max_length_k=max(lengths),
            ).last_hidden_state[0]
            return self._runtime.numbers(self._head(hidden, borders.long()))

        return self._runtime.run(forward)


def _head(module: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return what maps hidden states, shape (tokens, width), and the texts' borders to logits, in float32.

    A logit rounded to bf16 has two or three digits: texts that differ would tie.
    """
    name = type(module).__name__
    if name in _READS_FIRST_TOKENS:
        layers = _first_token_layers(module)
        return lambda hidden, borders: layers(hidden[borders[:-1]].unsqueeze(1).float())
    if name == "ModularClassifier":
        pooling, layers = module.pooling, module.head.float()
    else:
        pooling = module.config.classifier_pooling
        layers = torch.nn.Sequential(module.head, module.classifier).float()
    if pooling == "cls":
        return lambda hidden, borders: layers(hidden[borders[:-1]].float())
    return lambda hidden, borders: layers(_means(hidden, borders))


def _first_token_layers(module: Any) -> Any:
    """Return what a class does with the vectors of the first tokens, shape (texts, 1, width)."""
    classifier = module.classifier.float()
    if type(module).__name__ != "BertForSequenceClassification":
        return classifier
    pooler = module.bert.pooler.float()
    module.bert.pooler = None  # else the encoder's pass applies it too, to vectors of the other precision
    return torch.nn.Sequential(pooler, classifier)


def _means(hidden: torch.Tensor, borders: torch.Tensor) -> torch.Tensor:
    lengths = borders.diff()
    texts = torch.repeat_interleave(torch.arange(len(lengths), device=hidden.device), lengths)
    sums = torch.zeros(len(lengths), hidden.shape[1], dtype=torch.float32, device=hidden.device)
    sums.index_add_(0, texts, hidden.float())
    return sums / lengths.unsqueeze(1)


def reads_segments(module: Any) -> bool:
    """Whether the segment of a token matters to `module`: it takes segment ids and has more than one kind of them."""
    takes = "token_type_ids" in inspect.signature(module.forward).parameters
    return takes and int(getattr(module.config, "type_vocab_size", 0) or 0) > 1
