"""What ONNX Runtime loads a model from: configuration, tokenizer and one graph; those of an embedded model read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.exported import ExportedGraph
from localrank_transformers.models.folder.tokenizer_file import read_tokenizer, special_token

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from localrank_transformers.models.folder.late_layout import LateLayout

__all__ = ["MissingGraphError", "ModelFiles"]


def _nothing() -> None:
    """The check of a file that was checked when it was read."""


@dataclass(frozen=True, slots=True, repr=False)
class ModelFiles:
    """What a model on ONNX Runtime is loaded from.

    Attributes:
        config: `config.json`.
        tokenizer_config: `tokenizer_config.json`, empty where there is none.
        tokenizer_json: The content of `tokenizer.json`.
        onnx: The graph: a path (external data lies beside it), or its bytes.
        int8: Whether products run in int8.
        exported: What a folder that was exported here says of its graph.
        late: The layout of a late-interaction model, None for another.
        check: To be called before the graph is loaded: ends a check that began with the reading, and raises ModelLoadError.
    """

    config: dict[str, Any]
    tokenizer_config: dict[str, Any]
    tokenizer_json: bytes
    onnx: Path | bytes
    int8: bool
    exported: ExportedGraph | None = None
    late: LateLayout | None = None
    check: Callable[[], None] = _nothing

    def tokenizer(self) -> Tokenizer:
        """Return a fresh tokenizer; see `read_tokenizer`."""
        return read_tokenizer(self.tokenizer_json)

    def special_token(self, name: str) -> str | None:
        """Return a token that the tokenizer's configuration names, such as `mask_token`."""
        return special_token(self.tokenizer_config, name)


class MissingGraphError(ModelLoadError):
    """The model has no graph of the precision that was asked for."""
