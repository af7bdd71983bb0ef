"""A late-interaction model as the one module of a `sentence_transformers.CrossEncoder`, so that every loss here trains it.

Queries and documents are read apart, and a pair's logit is scale · s + bias, with s the mean over the query's tokens of the
best cosine in the document (MaxSim of ColBERT, Khattab and Zaharia 2020, as a mean, in which the tokens may have weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
import transformers
from sentence_transformers.base.modules.input_module import InputModule
from torch.nn import functional

from localrank_transformers.engines.torch.device import choose
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.models.folder.exported import LateLogit
from localrank_transformers.training.model.late_folder import read_head, write_head

__all__ = ["LatePairs", "LateScorer", "load_encoder"]

_LEAST = -1.0
"""The least cosine; stands for a token that is not compared."""


class LateScorer(torch.nn.Module):
    """Encoder and head.

    Args:
        encoder: Gives `last_hidden_state` of shape (rows, tokens, width).
        logit: How the mean is taken, and the scale and bias that training begins with.
    """

    def __init__(self, encoder: Any, logit: LateLogit) -> None:
        super().__init__()
        self._first = logit
        self.encoder = encoder
        self.config = encoder.config
        self.head = torch.nn.Linear(1, 1)
        with torch.no_grad():
            self.head.weight.fill_(logit.scale)
            self.head.bias.fill_(logit.bias)

    def forward(self, queries: Any, documents: Any, owners: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (documents, 1), in float32 from the vectors on.

        Args:
            queries: `input_ids` and `attention_mask` of the queries.
            documents: The same of the documents.
            owners: The place of each document's query.
        """
        asked, read = self.encoder(**queries).last_hidden_state, self.encoder(**documents).last_hidden_state
        with torch.autocast(read.device.type, enabled=False):
            asked, read = asked.float(), functional.normalize(read.float(), dim=-1)
            weights = queries["attention_mask"].float()
            if self._first.by_length:
                weights = weights * asked.norm(dim=-1)
            cosines = torch.einsum("nqd,ntd->nqt", functional.normalize(asked, dim=-1)[owners], read)
            best = cosines.masked_fill(documents["attention_mask"][:, None, :] == 0, _LEAST).amax(-1)
            mean = (best * weights[owners]).sum(-1, keepdim=True) / weights[owners].sum(-1, keepdim=True)
            logits: torch.Tensor = self.head(mean)
        return logits

    @property
    def by_length(self) -> bool:
        """Whether a query's tokens count by the lengths of their vectors."""
        return self._first.by_length

    def save_pretrained(self, folder: Path) -> None:
        """Write the encoder's weights and configuration, and `localrank.json`, to `folder`."""
        self.encoder.save_pretrained(folder)
        write_head(folder, replace(self._first, scale=self.head.weight.item(), bias=self.head.bias.item()))


def load_encoder(folder: Path, config: Any = None) -> Any:
    """Return the encoder in `folder` in float32, without a pooler.

    Raises:
        ModelLoadError: transformers cannot load it, or weights are missing.
    """
    settings = TorchSettings(device="cpu", dtype="fp32", attention="sdpa")
    placement = choose(settings.device, settings.dtype)
    encoder = load_weights("AutoModel", folder, placement, settings, config=config, absent=("pooler.",))
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


class LatePairs(InputModule):
    """Reads pairs of a query and a document; see `LateScorer`.

    Args:
        model: The scorer.
        tokenizer: Of its encoder.
        max_seq_length: Tokens that are read of a query or document.
    """

    def __init__(self, model: LateScorer, tokenizer: Any, max_seq_length: int) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.max_seq_length = max_seq_length

    @classmethod
    def load(cls, model_name_or_path: str, max_seq_length: int = 256, **_settings: Any) -> Self:
        """Return the module that `save` wrote to a folder; sentence-transformers calls it for a checkpoint.

        Raises:
            ModelLoadError: A file is missing or damaged.
        """
        folder = Path(model_name_or_path)
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        return cls(LateScorer(load_encoder(folder), read_head(folder)), tokenizer, max_seq_length)

    def preprocess(self, inputs: Sequence[Any], **_settings: Any) -> dict[str, Any]:
        """Return the tokens of the pairs: each query once, each document, and which query it belongs to."""
        queries = list(dict.fromkeys(query for query, _ in inputs))
        places = {query: index for index, query in enumerate(queries)}
        tokens = {"owners": torch.tensor([places[query] for query, _ in inputs])}
        for name, texts in (("query", queries), ("document", [text for _, text in inputs])):
            for key, value in self._tokens(texts).items():
                tokens[f"{name}_{key}"] = value
        return tokens

    def _tokens(self, texts: list[str]) -> Any:
        return self.tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self.max_seq_length,
            return_tensors="pt",
            return_token_type_ids=False,
        )

    def forward(self, features: dict[str, Any], **_settings: Any) -> dict[str, Any]:
        """Add `scores`, shape (pairs, 1)."""
        parts = [
            {key: features[f"{name}_{key}"] for key in ("input_ids", "attention_mask")}
            for name in ("query", "document")
        ]
        features["scores"] = self.model(*parts, features["owners"])
        return features

    def save(self, output_path: str, *_arguments: Any, **_settings: Any) -> None:
        """Write weights, scale, bias and tokenizer; the trainer calls it for a checkpoint."""
        self.model.save_pretrained(Path(output_path))
        self.save_tokenizer(output_path)
