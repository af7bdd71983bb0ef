"""An exported late-interaction model gives the scores of MaxSim written out, and of sentence-transformers, on ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")
pytest.importorskip("onnxscript", reason="needs the extra `golden`")

from click.testing import CliRunner
from sentence_transformers import MultiVectorEncoder

from localrank import rerank
from localrank_transformers import OnnxReranker, TorchReranker
from localrank_transformers.commands.models import models
from localrank_transformers.exporting.export import export_onnx
from localrank_transformers.families.late.tokens import LateTokenizer
from tests.golden.test_late_interaction import LAYOUTS, documents, naive, reference, scores
from tests.support import late_models
from tests.support.faults import marker_left_out, punctuation_compared
from tests.support.torch_models import texts

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("anyio_backend", ["asyncio"]),
]

TOLERANCE = 1e-3


QUICK = ("stanford", "pylate")


@pytest.mark.parametrize(
    "layout", [*QUICK, *(pytest.param(one, marks=pytest.mark.slow) for one in LAYOUTS if one not in QUICK)]
)
async def test_every_layout_agrees_with_its_references(tmp_path: Path, layout: str) -> None:
    build, markers, stated, naively = LAYOUTS[layout]
    folder = build(tmp_path / "m", **stated)
    found = documents()

    rows = export_onnx(folder, tmp_path / "out")
    onnx = await scores(OnnxReranker(tmp_path / "out"), found)

    assert max(abs(row.torch - row.onnx) for row in rows) < TOLERANCE
    assert not list((tmp_path / "out").rglob("*.safetensors"))
    assert onnx == pytest.approx(naive(folder, found, markers, **naively), abs=TOLERANCE)
    assert onnx == pytest.approx(reference(folder, found), abs=TOLERANCE)


@pytest.mark.slow
async def test_what_makes_a_probability_goes_along(tmp_path: Path) -> None:
    stated = {"scale": 25.0, "bias": -15.0, "query_weights": "length"}
    folder, found = late_models.build_plain(tmp_path / "m", **stated), documents()
    export_onnx(folder, tmp_path / "out")
    model = OnnxReranker(tmp_path / "out")

    assert model.score_kind == "probability"
    assert await scores(model, found) == pytest.approx(
        await scores(TorchReranker(folder, device="cpu"), found), abs=TOLERANCE
    )


@pytest.mark.slow
async def test_what_sentence_transformers_saved_is_exported(tmp_path: Path) -> None:
    folder, saved = late_models.build_pylate(tmp_path / "m"), tmp_path / "saved"
    MultiVectorEncoder(str(folder), device="cpu").save_pretrained(str(saved))
    found = documents()
    export_onnx(saved, tmp_path / "out")

    assert await scores(OnnxReranker(tmp_path / "out"), found) == pytest.approx(
        reference(folder, found), abs=TOLERANCE
    )


@pytest.mark.slow
async def test_the_command_writes_int8_that_ranks_alike_and_fp16_that_scores_alike(tmp_path: Path) -> None:
    folder, out = late_models.build_stanford(tmp_path / "m"), tmp_path / "out"
    found = texts(40)
    for precision in ("int8", "fp16"):
        done = CliRunner().invoke(
            models, ["export", str(folder), "--out", str(out), "--precision", precision]
        )
        assert done.exit_code == 0, done.output
    single, half, eight = [
        await scores(OnnxReranker(out, precision=precision), found) for precision in ("fp32", "fp16", "int8")
    ]

    assert half == pytest.approx(single, abs=5e-3)
    ranks = [np.argsort(np.argsort(one)) for one in (single, eight)]
    assert np.corrcoef(*ranks)[0, 1] > 0.95


async def test_both_engines_say_the_same_of_a_call(tmp_path: Path) -> None:
    folder = late_models.build_pylate(tmp_path / "m")
    export_onnx(folder, tmp_path / "out")
    found = [*documents(5), "paris " * 200]
    answers = [
        await rerank(model, "paris " * 40, found)
        for model in (TorchReranker(folder, device="cpu"), OnnxReranker(tmp_path / "out"))
    ]
    said: list[Any] = [
        (
            answer.usage.input_tokens,
            answer.usage.truncated_documents,
            answer.score_kind,
            sorted((hit.index, hit.truncated) for hit in answer),
            sorted((warning.type, warning.message) for warning in answer.warnings),
        )
        for answer in answers
    ]

    assert said[0] == said[1]


def expansion_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    query = LateTokenizer.query

    def seen(self: LateTokenizer, text: str) -> Any:
        made = query(self, text)
        return type(made)(made.ids, np.ones_like(made.attended), made.truncated)

    monkeypatch.setattr(LateTokenizer, "query", seen)


async def test_faults_are_noticed(tmp_path: Path) -> None:
    folder, found = late_models.build_stanford(tmp_path / "m"), documents()
    export_onnx(folder, tmp_path / "out")
    expected = reference(folder, found)

    for fault in (expansion_seen, punctuation_compared, marker_left_out):
        with pytest.MonkeyPatch.context() as patched:
            fault(patched)
            model = OnnxReranker(tmp_path / "out")
            assert await scores(model, found) != pytest.approx(expected, abs=TOLERANCE), fault.__name__
