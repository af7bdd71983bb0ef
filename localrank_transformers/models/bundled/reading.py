"""An embedded model read: its configuration, tokenizer and graph, which the package holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models import bundled
from localrank_transformers.models.folder.exported import EXPORTED_FILE, exported_graph
from localrank_transformers.models.folder.model_files import ModelFiles
from localrank_transformers.models.folder.stated.settings import parsed

if TYPE_CHECKING:
    from localrank_transformers.models.graph_choice import Precision

__all__ = ["read_embedded"]

_GRAPH = "onnx/model_int8.onnx"


def read_embedded(name: str, precision: Precision) -> ModelFiles:
    """Read a model that the package holds.

    Raises:
        ModelLoadError: A file is damaged, or the precision is not embedded.
    """
    if precision in {"fp32", "fp16"}:
        raise ModelLoadError(
            f"The embedded model {name} comes in int8 only.",
            hint="Leave precision out, or pass a folder that holds onnx/model.onnx.",
        )
    onnx, check = bundled.read_model(name, _GRAPH)
    config, tokenizer_config, exported = (
        parsed(bundled.read_file(name, one), one)
        for one in ("config.json", "tokenizer_config.json", EXPORTED_FILE)
    )
    return ModelFiles(
        config=config,
        tokenizer_config=tokenizer_config,
        exported=exported_graph(exported),
        tokenizer_json=bundled.read_file(name, "tokenizer.json"),
        onnx=onnx,
        int8=True,
        is_kept=True,
        graph_sum=bundled.sums(name)[_GRAPH],
        check=check,
    )
