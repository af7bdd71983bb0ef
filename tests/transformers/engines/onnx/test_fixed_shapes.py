"""A graph that was exported for one shape runs document by document, filled up to it."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from localrank import InvalidRequestError, ModelLoadError, rerank_sync
from localrank_transformers import OnnxReranker
from tests.support import tiny_models

DOCUMENTS = ["a city in france", "rag", " ".join(f"w{number}" for number in range(40)), "port of paris"]


def fixed(folder: Path, rows: int | None, width: int | None) -> Path:
    """Write the shape of the inputs into a graph."""
    place = folder / "onnx/model.onnx"
    model = onnx.load(str(place))
    for given in model.graph.input:
        for dimension, size in zip(given.type.tensor_type.shape.dim, (rows, width), strict=True):
            if size is not None:
                dimension.dim_value = size
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    onnx.save(model, str(place))
    return folder


def scores(folder: Path, **settings: int) -> list[float]:
    result = rerank_sync(OnnxReranker(folder, **settings), "what is rag", DOCUMENTS, max_retries=0)
    return [hit.score for hit in sorted(result, key=lambda hit: hit.index)]


@pytest.mark.parametrize(("rows", "width"), [(1, None), (3, None), (1, 32), (2, 32), (None, 32)])
def test_a_fixed_shape_gives_the_scores_of_a_free_one(
    tmp_path: Path, rows: int | None, width: int | None
) -> None:
    free = scores(tiny_models.build(tmp_path / "free"), max_length=width or 64)
    found = scores(fixed(tiny_models.build(tmp_path / "fixed"), rows, width))
    assert found == pytest.approx(free, abs=1e-6)


def test_a_width_is_the_longest_window(tmp_path: Path) -> None:
    folder = fixed(tiny_models.build(tmp_path / "m"), 1, 32)
    with pytest.raises(InvalidRequestError, match="this model reads 16 to 32 tokens"):
        scores(folder, max_length=48)


def test_a_width_that_cannot_be_filled_up_is_told(tmp_path: Path) -> None:
    folder = fixed(tiny_models.build(tmp_path / "m", inputs=["input_ids", "token_type_ids"]), 1, 32)
    with pytest.raises(ModelLoadError, match="rows of exactly 32 tokens and has no attention_mask"):
        scores(folder)


def test_a_width_that_holds_no_pair_is_told(tmp_path: Path) -> None:
    folder = fixed(tiny_models.build(tmp_path / "m"), 1, 4)
    with pytest.raises(ModelLoadError, match="reads at most 4 tokens"):
        scores(folder)
