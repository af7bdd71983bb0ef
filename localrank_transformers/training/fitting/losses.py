"""The mixed loss as a loss module of sentence-transformers: cross-entropy over each list, plus some over its pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from localrank_transformers.training.fitting.targets import UNLABELLED

__all__ = ["ListwiseMixLoss"]


class ListwiseMixLoss(torch.nn.Module):
    """Cross-entropy of a softmax over each list, plus a weighted binary cross-entropy over its labelled pairs.

    sentence-transformers' ListNetLoss has the first part alone. Here the pairs of a step are computed in mini-batches of
    similar length, whatever list they belong to, which saves most of the padding.

    Args:
        model: A `sentence_transformers.CrossEncoder` with one label.
        bce: Weight of the binary cross-entropy.
        mini_batch: Pairs computed at once.
    """

    def __init__(self, model: Any, *, bce: float, mini_batch: int = 16) -> None:
        super().__init__()
        self.model = model
        self.bce = bce
        self.mini_batch = mini_batch

    def forward(
        self,
        inputs: Sequence[Sequence[Any]],
        labels: Sequence[torch.Tensor],
        prompt: str | None = None,
        task: str | None = None,
    ) -> torch.Tensor:
        """Return the loss of a step.

        Args:
            inputs: Queries, and for each its documents.
            labels: For each query a tensor of shape (documents, 2): the target distribution (all 0 for none), and the label in
                0–1 (`UNLABELLED` for none).
            prompt: Passed on to the model.
            task: Passed on to the model.
        """
        queries, lists = inputs
        pairs = [(query, text) for query, texts in zip(queries, lists, strict=True) for text in texts]
        logits = self._logits(pairs, prompt, task)
        goals = torch.cat(list(labels)).to(logits.device, torch.float32)
        over_lists = self._over_lists(logits, goals[:, 0], [len(texts) for texts in lists])
        return over_lists + self.bce * self._over_pairs(logits, goals[:, 1])

    def _logits(self, pairs: Sequence[tuple[str, str]], prompt: str | None, task: str | None) -> torch.Tensor:
        order = sorted(range(len(pairs)), key=lambda index: sum(map(len, pairs[index])))
        parts = []
        for start in range(0, len(order), self.mini_batch):
            chosen = [pairs[index] for index in order[start : start + self.mini_batch]]
            features = self.model.preprocess(chosen, prompt=prompt, task=task)
            features = {name: self._moved(value) for name, value in features.items()}
            parts.append(self.model(features)["scores"].view(-1))
        back = torch.empty(len(order), dtype=torch.int64)
        back[torch.tensor(order)] = torch.arange(len(order))
        return torch.cat(parts).float()[back.to(parts[0].device)]

    def _moved(self, value: Any) -> Any:
        return value.to(self.model.device) if isinstance(value, torch.Tensor) else value

    @staticmethod
    def _over_lists(logits: torch.Tensor, goals: torch.Tensor, sizes: list[int]) -> torch.Tensor:
        losses = [
            -(goal * functional.log_softmax(own, dim=0)).sum()
            for own, goal in zip(logits.split(sizes), goals.split(sizes), strict=True)
            if float(goal.sum()) > 0
        ]
        return torch.stack(losses).mean() if losses else logits.sum() * 0

    @staticmethod
    def _over_pairs(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        judged = labels != UNLABELLED
        if not bool(judged.any()):
            return logits.sum() * 0
        return functional.binary_cross_entropy_with_logits(logits[judged], labels[judged])

    def get_config_dict(self) -> dict[str, Any]:
        """Return the settings, as sentence-transformers asks of a loss."""
        return {"bce": self.bce, "mini_batch": self.mini_batch}
