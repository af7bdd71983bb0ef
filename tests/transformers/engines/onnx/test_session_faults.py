"""The comparisons on ONNX Runtime would notice the classic faults: each is put in here, and must show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localrank import rerank
from localrank_transformers import OnnxReranker
from localrank_transformers.call import call as local_call
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.onnx.session import OnnxRequest
from localrank_transformers.families.generative.causal import PromptQuery
from tests.support import causal_graphs, tiny_models
from tests.support.faults import Comparison, Fault, activate_twice, check_noticed, leave_logits
from tests.transformers.families.generative import test_causal_family
from tests.transformers.rerankers import test_onnx

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


def activated_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    activate_twice(monkeypatch, local_call)


def raw_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_logits(monkeypatch, local_call)


def no_segment_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    run = OnnxRequest.run

    def without(self: OnnxRequest, rows: Sequence[Row]) -> Any:
        return run(self, [Row(row.ids, np.zeros_like(row.ids)) for row in rows])

    monkeypatch.setattr(OnnxRequest, "run", without)


def squeezed_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    run = OnnxRequest.run
    monkeypatch.setattr(OnnxRequest, "run", lambda self, rows: np.squeeze(run(self, rows)))


def padded_on_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """A causal graph reads the last position, which is then padding."""
    run = OnnxRequest.run

    def padded(self: OnnxRequest, rows: Sequence[Row]) -> Any:
        return run(self, [Row(np.pad(row.ids, (0, 2)), np.pad(row.types, (0, 2))) for row in rows])

    monkeypatch.setattr(OnnxRequest, "run", padded)


def cut_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    row = PromptQuery.row
    monkeypatch.setattr(PromptQuery, "row", lambda self, document: row(self, document)[:-3])


async def scores(tmp_path: Path) -> None:
    model = OnnxReranker(tiny_models.build(tmp_path))
    for hit in await rerank(model, "what is rag", ["the", "pasta", "rag retrieval"]):
        assert pytest.approx(1 / (1 + np.exp(-hit.metadata["logit"]))) == hit.score


async def segments(tmp_path: Path) -> None:
    await test_onnx.test_a_folder_of_either_layout_gets_the_inputs_that_its_graph_declares(
        tmp_path, "bert", "onnx/model.onnx"
    )


async def alone(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path)
    [hit] = await rerank(OnnxReranker(folder), "what is rag", ["pasta"])
    expected = test_onnx.expected_logit(folder, "what is rag", "pasta")
    assert pytest.approx(expected, abs=1e-5) == hit.metadata["logit"]


async def prompts(tmp_path: Path) -> None:
    await test_causal_family.test_the_whole_prompt_is_read(causal_graphs.build(tmp_path))


async def long_document(tmp_path: Path) -> None:
    await test_causal_family.test_a_long_document_loses_its_end_and_the_prompt_keeps_its_own(
        causal_graphs.build(tmp_path)
    )


PAIRS = [
    (activated_twice, scores),
    (raw_logits, scores),
    (no_segment_ids, segments),
    (padded_on_the_right, prompts),
    (cut_tail, prompts),
    (cut_tail, long_document),
]


@pytest.mark.parametrize(("fault", "comparison"), PAIRS, ids=lambda one: one.__name__)
async def test_a_fault_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, comparison: Comparison
) -> None:
    await check_noticed(tmp_path, monkeypatch, fault, comparison)


async def test_an_output_without_its_axes_is_noticed_by_its_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check_noticed(tmp_path, monkeypatch, squeezed_logits, alone, refusal=r"shape \(\)")
