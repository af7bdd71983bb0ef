"""What ONNX Runtime loads a model from: configuration, tokenizer and one graph; those of an embedded model read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.exported import ExportedGraph

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from localrank_transformers.models.folder.late_layout import LateLayout

__all__ = ["MissingGraphError", "ModelFiles", "read_tokenizer", "special_token"]


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


def read_tokenizer(content: bytes) -> Tokenizer:
    """Return a tokenizer that neither cuts nor fills up.

    Args:
        content: That of `tokenizer.json`.

    Raises:
        ModelLoadError: It is damaged.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415  # takes longer to import than a model's files to be found

    try:
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises a bare Exception
        raise ModelLoadError(f"tokenizer.json cannot be read: {str(error)[:200]}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def special_token(tokenizer_config: Mapping[str, Any], name: str) -> str | None:
    """Return a token that `tokenizer_config.json` names, such as `eos_token` or `mask_token`."""
    token = tokenizer_config.get(name)
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else None


class MissingGraphError(ModelLoadError):
    """The model has no graph of the precision that was asked for."""
