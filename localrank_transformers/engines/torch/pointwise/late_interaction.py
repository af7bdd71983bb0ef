"""Late interaction in torch: vectors a token, and the mean over the query's tokens of the best cosine in each document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from torch import nn

from localrank.contract.errors import ModelLoadError
from localrank.contract.texts import first_line
from localrank_transformers.call.contract import DocumentTokens, Scorer
from localrank_transformers.engines.native.pieces import fastest_finder
from localrank_transformers.engines.torch.device import Placement
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.families.late.family import LateFamily, LateQuery, late_logits
from localrank_transformers.families.late.tokens import LateQueryTokens
from localrank_transformers.families.opening import open_late
from localrank_transformers.models.folder.exported import late_logit
from localrank_transformers.models.folder.late_layout import LateLayout, read_late_layout
from localrank_transformers.models.folder.reading import exported_of
from localrank_transformers.models.folder.settings_files import SettingsFiles
from localrank_transformers.models.folder.shape import positions

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids

__all__ = ["LateEngine", "TokenEncoder", "load_late_interaction", "token_encoder"]


class TokenEncoder(nn.Module):
    """Vectors of shape (rows, tokens, dimensions), of any length."""

    def __init__(self, encoder: Any, projections: nn.Sequential) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = encoder.config
        self.projections = projections

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of a batch."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        vectors: torch.Tensor = self.projections(hidden)
        return vectors


class LateEngine:
    """Encodes rows and compares them.

    Args:
        module: Returns a vector a token.
        runtime: The device.
        by_length: Whether a query's token counts by the length of its vector.
    """

    def __init__(self, module: TokenEncoder, runtime: TorchRuntime, *, by_length: bool = False) -> None:
        self._by_length = by_length
        self._pad_id = int(module.config.pad_token_id or 0)
        self._limit = positions(module.config.to_dict())
        self._runtime = runtime
        self._module = runtime.adopt(module)

    def query(self, query: LateQueryTokens) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a query's unit vectors, shape (tokens, dimensions), and what each counts, (tokens,), on the device."""
        ids = self._runtime.tensor(query.ids[None])
        mask = self._runtime.tensor(query.attended[None])

        def forward() -> tuple[torch.Tensor, torch.Tensor]:
            vectors = self._module(ids, mask)[0].float()
            lengths = vectors.norm(dim=-1)
            weights = lengths if self._by_length else torch.ones_like(lengths)
            return nn.functional.normalize(vectors, dim=-1), weights / weights.sum()

        return self._runtime.run(forward)

    def scores(
        self, query: tuple[torch.Tensor, torch.Tensor], rows: Sequence[Ids], counted: Sequence[Ids]
    ) -> npt.NDArray[Any]:
        """Return the mean over the query's tokens of the best cosine, shape (rows,).

        Args:
            query: Its vectors, and what each counts.
            rows: The documents' ids.
            counted: 1 for each of their tokens that is compared.
        """
        padded = partial(self._runtime.padded, limit=self._limit)
        ids = self._runtime.tensor(padded(rows, fill=self._pad_id))
        mask = self._runtime.tensor(padded([np.ones_like(row) for row in rows], fill=0))
        compared = self._runtime.tensor(padded(counted, fill=0)).bool()

        def forward() -> npt.NDArray[Any]:
            asked, weights = query
            vectors = nn.functional.normalize(self._module(ids, mask).float(), dim=-1)
            cosines = torch.einsum("qd,ntd->nqt", asked, vectors)
            best = cosines.masked_fill(~compared[:, None, :], -1.0).amax(-1)
            return self._runtime.numbers(best @ weights)

        return self._runtime.run(forward)


class ComparedQuery(LateQuery):
    """A query whose vectors are compared on the device; see `Query`."""

    __slots__ = ()

    def scorer(self, request: LateEngine) -> Scorer:  # type: ignore[override]  # the engine that it was loaded with
        """Return what encodes the query with the first documents, and compares each batch's vectors with its own."""
        tokenizer, vectors = self.family.tokenizer, None

        def score(documents: Sequence[DocumentTokens]) -> list[float]:
            nonlocal vectors
            if vectors is None:
                vectors = request.query(self.query)
            rows, counted = tokenizer.rows(documents)
            compared = [
                np.ones_like(row) if own is None else own for row, own in zip(rows, counted, strict=True)
            ]
            return late_logits(self.family.logit, request.scores(vectors, rows, compared))

        return score


def load_late_interaction(
    files: SettingsFiles, settings: TorchSettings, runtime: TorchRuntime, *, affordable: int | None
) -> tuple[LateFamily, LateEngine]:
    """Return the late-interaction model of `files`.

    Raises:
        ModelLoadError: A projection is missing or damaged, the logit's scale is none, or transformers cannot load the encoder.
        InvalidRequestError: A window that does not fit.
    """
    layout, logit = read_late_layout(files), late_logit(exported_of(files))
    config = files.json(f"{layout.encoder}/config.json".lstrip("/"))
    family = open_late(
        files,
        config,
        layout,
        logit,
        max_length=settings.max_length,
        affordable=affordable,
        finder=fastest_finder(),
    )
    encoder = token_encoder(files, layout, runtime.placement, settings)
    engine = LateEngine(encoder, runtime, by_length=logit.by_length)
    return replace(family, query=ComparedQuery), engine


def token_encoder(
    files: SettingsFiles, layout: LateLayout, placement: Placement, settings: TorchSettings
) -> TokenEncoder:
    """Return the encoder and its projections, if any, as one module.

    Raises:
        ModelLoadError: A projection is missing or damaged, or transformers cannot load the encoder.
    """
    encoder = load_weights(
        "AutoModel", files.folder / layout.encoder, placement, settings, absent=("pooler.",)
    )
    return TokenEncoder(encoder, nn.Sequential(*_projections(files, layout)).to(placement.dtype))


def _projections(files: SettingsFiles, layout: LateLayout) -> list[nn.Linear]:
    projections = []
    for folder in layout.dense:
        config = files.json(f"{folder}/config.json".lstrip("/"))
        activation = str(config.get("activation_function", "Identity"))
        if not activation.endswith("Identity") or config.get("use_residual"):
            raise ModelLoadError(
                f"The projection {folder!r} has a residual or the activation {activation!r}."
            )
        weights = _weights(sorted((files.folder / folder).glob("*.safetensors")))
        projections.append(
            _linear(weights.get("linear.weight"), weights.get("linear.bias"), folder or "model.safetensors")
        )
    return projections


def _weights(paths: Sequence[Path]) -> dict[str, torch.Tensor]:
    names = {"linear.weight", "linear.bias"}
    weights: dict[str, torch.Tensor] = {}
    for path in paths:
        try:
            with safe_open(path, framework="pt") as stream:
                weights |= {name: stream.get_tensor(name) for name in names.intersection(stream.keys())}
        except Exception as error:
            raise ModelLoadError(
                f"The projection in {path.name} cannot be read: {first_line(error)}"
            ) from error
    return weights


def _linear(weight: torch.Tensor | None, bias: torch.Tensor | None, where: str) -> nn.Linear:
    if weight is None:
        raise ModelLoadError(f"The projection linear.weight is missing in {where}.")
    outputs, inputs = weight.shape
    layer = nn.Linear(inputs, outputs, bias=bias is not None)
    layer.load_state_dict({"weight": weight, **({} if bias is None else {"bias": bias})})
    return layer
