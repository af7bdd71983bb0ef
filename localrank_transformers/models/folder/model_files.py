"""What ONNX Runtime loads a model from: configuration, tokenizer and one graph; those of an embedded model read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.exported import ExportedGraph
from localrank_transformers.models.folder.stated.pairs import PairSettings
from localrank_transformers.models.folder.stated.settings import Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from localrank_transformers.models.folder.late_layout import LateLayout

__all__ = ["TOKENIZER_FILES", "MissingGraphError", "ModelFiles"]

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
"""What says how texts are read; a model that is made of another one gets those that are there."""


_PLAIN = PairSettings()


def _nothing() -> None:
    """The check of a file that was checked when it was read."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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
        pairs: How texts are read, by all files that say something of it.
        width: Tokens of a row, where the graph was exported for one width.
        is_kept: Whether the graph's file is replaced and never written over, as the package's, the hub cache's and those in
            `LOCALRANK_CACHE` are; then it may stay mapped.
        graph_sum: SHA-256 of the graph, where it is recorded and checked.
        check: To be called before the graph is loaded: ends a check that began with the reading, and raises ModelLoadError.
    """

    config: Settings
    tokenizer_config: Settings
    tokenizer_json: bytes
    onnx: Path | bytes
    int8: bool
    exported: ExportedGraph | None = None
    late: LateLayout | None = None
    pairs: PairSettings = _PLAIN
    width: int | None = None
    is_kept: bool = False
    graph_sum: str | None = None
    check: Callable[[], None] = _nothing

    def tokenizer(self) -> Tokenizer:
        """Return a fresh tokenizer that neither cuts nor fills up.

        Raises:
            ModelLoadError: `tokenizer.json` is damaged, or contradicts another file.
        """
        # takes longer to import than a model's files to be found
        from localrank_transformers.models.folder.stated.tokenizer import read_tokenizer  # noqa: PLC0415

        return read_tokenizer(self.tokenizer_json, self.pairs)[0]

    def special_token(self, name: str) -> str | None:
        """Return a token that the tokenizer's configuration names, such as `mask_token`."""
        return self.tokenizer_config.token(name)


class MissingGraphError(ModelLoadError):
    """The model has no graph of the precision that was asked for."""
