"""One long document on many threads: made by calls that come again, never for int8, gone at `close`."""

from __future__ import annotations

import threading
from pathlib import Path

import onnxruntime as ort
import pytest

from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.engines.onnx.wide_session import WideSession
from tests.support import tiny_models

LONG = " ".join(f"w{number}" for number in range(150))
SHORT = "w1 w2 w3"


@pytest.fixture
def model(tmp_path: Path) -> OnnxReranker:
    folder = tiny_models.build(tmp_path / "tiny", max_length=256)
    return OnnxReranker(folder, precision="fp32", threads=2, optimize=False)


def _wide(model: OnnxReranker) -> WideSession[ort.InferenceSession] | None:
    loaded = model._once.get()[0]
    loaded.engine.settle()
    return loaded.engine._wide


def _is_made(model: OnnxReranker) -> bool:
    wide = _wide(model)
    return wide is not None and wide._session is not None


def _score(model: OnnxReranker, *documents: str) -> float:
    return rerank_sync(model, "city", list(documents))[0].score


def test_the_third_long_document_alone_has_it_made(model: OnnxReranker) -> None:
    first = [_score(model, LONG) for _ in range(3)]
    assert _is_made(model)
    assert [_score(model, LONG)] * 3 == first


def test_it_runs_on_the_threads_that_the_call_may_use(model: OnnxReranker) -> None:
    for _ in range(3):
        _score(model, LONG)
    assert _is_made(model)
    session = _wide(model)._session  # type: ignore[union-attr]
    assert session.get_session_options().intra_op_num_threads == 2


def test_short_documents_and_documents_in_company_do_not_have_it_made(model: OnnxReranker) -> None:
    for _ in range(5):
        _score(model, SHORT)
        _score(model, LONG, LONG + " w9")
    assert not _is_made(model)


def test_one_thread_means_one(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "tiny", max_length=256)
    with OnnxReranker(folder, precision="fp32", threads=1, optimize=False) as model:
        for _ in range(5):
            _score(model, LONG)
        assert not _is_made(model)


def test_an_int8_graph_never_has_one() -> None:
    on_onnx_runtime = ["CPUExecutionProvider"]
    with OnnxReranker("localrank-mini", threads=2, execution_providers=on_onnx_runtime) as model:
        _score(model, LONG)
        assert _wide(model) is None


def test_close_leaves_no_thread(model: OnnxReranker) -> None:
    for _ in range(3):
        _score(model, LONG)
    model.close()
    assert [one.name for one in threading.enumerate() if one.name == "localrank-wide"] == []


def test_a_session_that_cannot_be_made_leaves_the_first_at_work() -> None:
    def fail(_threads: int) -> ort.InferenceSession:
        raise MemoryError

    wide = WideSession(fail)
    assert [wide.get(2) for _ in range(4)] == [None] * 4
    wide.settle()
    assert wide.get(2) is None
