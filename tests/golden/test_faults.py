"""The comparisons with the references would notice the classic faults: each is put in here, and must show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")

from localrank_transformers.call import call as local_call
from localrank_transformers.engines.torch import packed
from localrank_transformers.engines.torch.packed import PackedEngine
from localrank_transformers.engines.torch.pointwise import encoder
from localrank_transformers.engines.torch.pointwise.causal import CausalEngine
from tests.golden import test_causal, test_cross_encoders
from tests.support.faults import Comparison, Fault, activate_twice, check_noticed, leave_logits

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


def activated_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    activate_twice(monkeypatch, local_call)


def raw_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_logits(monkeypatch, local_call)


def no_segment_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (encoder, packed):
        monkeypatch.setattr(place, "reads_segments", lambda _module: False)


def squeezed_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    run = PackedEngine.run
    monkeypatch.setattr(PackedEngine, "run", lambda self, rows: np.squeeze(run(self, rows)))


def read_at_the_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reading the last column of a batch that is filled up on the right comes to."""
    logits = CausalEngine.logits

    def padded(self: CausalEngine, prefix: Any, rows: Any) -> Any:
        longest = max(map(len, rows))
        return logits(self, prefix, [np.pad(row, (0, longest - len(row))) for row in rows])

    monkeypatch.setattr(CausalEngine, "logits", padded)


def cut_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = CausalEngine.logits

    def cut(self: CausalEngine, prefix: Any, rows: Any) -> Any:
        return logits(self, prefix, [row[:-5] for row in rows])

    monkeypatch.setattr(CausalEngine, "logits", cut)


async def one_label(tmp_path: Path) -> None:
    await test_cross_encoders.test_one_label(tmp_path / "packed", "bert", "auto")


async def one_label_padded(tmp_path: Path) -> None:
    await test_cross_encoders.test_one_label(tmp_path / "padded", "bert", "sdpa")


async def scores(tmp_path: Path) -> None:
    await test_cross_encoders.test_the_score_is_the_sigmoid_of_the_logit(tmp_path)


async def alone(tmp_path: Path) -> None:
    await test_cross_encoders.test_one_document_alone_keeps_its_score(tmp_path)


async def causal_batch(tmp_path: Path) -> None:
    await test_causal.test_qwen3_agrees_with_its_card(tmp_path)


async def long_document(tmp_path: Path) -> None:
    await test_causal.test_a_long_document_loses_its_end_and_the_prompt_keeps_its_own(tmp_path)


PAIRS = [
    (activated_twice, scores),
    (raw_logits, scores),
    (no_segment_ids, one_label),
    (no_segment_ids, one_label_padded),
    (read_at_the_padding, causal_batch),
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
