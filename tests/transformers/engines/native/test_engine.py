"""The compiled kernels give what the graph says, for each document by itself, and stop when told to."""

from __future__ import annotations

import ctypes
import mmap
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localrank.contract.errors import InferenceError
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.native import engine as native
from localrank_transformers.engines.native.encoder import NativeEncoder
from localrank_transformers.engines.native.engine import NativeEngine, NativeRequest, open_native
from localrank_transformers.engines.native.layout import read_layout
from localrank_transformers.engines.native.library import library
from localrank_transformers.engines.onnx.session import OnnxEngine
from tests.support import packed_encoders, tiny_encoders

pytestmark = pytest.mark.skipif(library() is None, reason="no compiled kernels for this machine")

LENGTHS = (1, 2, 9, 10, 11, 15, 16, 17, 31, 32, 33, 41, 64)
"""On both sides of what tiles, lanes and panels hold."""


def opened(onnx: Path) -> NativeEngine:
    engine = open_native(onnx)
    assert engine is not None
    return engine


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("labels", [1, 3])
def test_logits_are_those_of_the_rounded_model(tmp_path: Path, kind: str, labels: int) -> None:
    onnx = packed_encoders.build(tmp_path / "m", kind, labels=labels)
    rows = packed_encoders.some_rows(*LENGTHS)
    found = opened(onnx).request().run(rows)
    assert found.shape == (len(rows), labels)
    expected = np.array([packed_encoders.expected(onnx, row) for row in rows])
    # a value on the border of two integers may fall to either side
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert np.median(np.abs(found - expected)) < 1e-3


def test_token_vectors_are_those_of_the_rounded_model(tmp_path: Path) -> None:
    onnx = packed_encoders.build(tmp_path / "m", "late")
    rows = packed_encoders.some_rows(*LENGTHS)
    found = opened(onnx).request().vectors(rows)
    expected = [packed_encoders.expected(onnx, row) for row in rows]
    assert [one.shape for one in found] == [one.shape for one in expected]
    apart = np.abs(np.concatenate(found) - np.concatenate(expected))
    assert apart.max() < 0.06
    assert np.median(apart) < 1e-3


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "late"])
def test_float32_is_as_exact_as_float32_is(tmp_path: Path, kind: str) -> None:
    onnx = packed_encoders.build(tmp_path / "m", kind, int8=False)
    rows = packed_encoders.some_rows(*LENGTHS)
    request = opened(onnx).request()
    found = request.vectors(rows) if kind == "late" else request.run(rows)
    for one, row in zip(found, rows, strict=True):
        np.testing.assert_allclose(one, packed_encoders.expected(onnx, row), atol=5e-6)


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("threads", [2, 3, 100])
@pytest.mark.parametrize("kind", ["bert", "late"])
def test_threads_of_one_row_change_no_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, threads: int, *, int8: bool
) -> None:
    monkeypatch.setattr(native, "_LEAST_SHARE", 1)
    engine = opened(packed_encoders.build(tmp_path / "m", kind, int8=int8))
    for row in packed_encoders.some_rows(*LENGTHS):
        shared, alone = engine.request(threads), engine.request()
        if kind == "late":
            np.testing.assert_array_equal(shared.vectors([row])[0], alone.vectors([row])[0])
        else:
            np.testing.assert_array_equal(shared.run([row]), alone.run([row]))


@pytest.mark.parametrize(("tokens", "threads"), [(8, 1), (9, 2), (29, 2), (30, 3)])
def test_a_row_takes_more_threads_where_the_call_runs_nothing_else_meanwhile_and_that_is_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: int, threads: int
) -> None:
    taken: list[int] = []
    original = NativeEncoder.run

    def watching(self: NativeEncoder, *arguments: Any, threads: int) -> Any:
        taken.append(threads)
        return original(self, *arguments, threads=threads)

    monkeypatch.setattr(NativeEncoder, "run", watching)
    monkeypatch.setattr(native, "_LEAST_SHARE", 10)
    engine = opened(packed_encoders.build(tmp_path / "m", "late"))
    (row,) = packed_encoders.some_rows(tokens)
    among_others, alone = engine.request(3, alone=False), engine.request(3)
    among_others.vectors([row])
    among_others.vectors([row], alone=True)
    alone.vectors([row])
    alone.vectors([row, row])
    assert taken == [1, threads, threads, 1]


def test_threads_of_many_runs_do_not_disturb_each_other(tmp_path: Path) -> None:
    engine = opened(packed_encoders.build(tmp_path / "m", int8=False))
    (row,) = packed_encoders.some_rows(64)
    expected = engine.request().run([row])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: engine.request(3).run([row]), range(200)))
    assert all((one == expected).all() for one in found)


def test_a_run_of_many_threads_ends_when_stopped(tmp_path: Path) -> None:
    shape = tiny_encoders.Shape(hidden=256, heads=4, layers=24, wide=512)
    engine = opened(packed_encoders.build(tmp_path / "m", shape=shape, int8=False))
    (row,) = packed_encoders.some_rows(64)
    for wait in (0, 1e-4, 1e-3, 3e-3):
        request = engine.request(2)
        timer = threading.Timer(wait, request.stop)
        timer.start()
        with pytest.raises(InferenceError, match="stopped"):
            list(map(request.run, [[row]] * 1000))
        timer.join()


@pytest.mark.parametrize(
    ("int8", "within"),
    [
        pytest.param(True, 0.02, marks=packed_encoders.with_exact_onnx_runtime),
        (False, 5e-6),
    ],
)
@pytest.mark.parametrize("heads", [1, 2])
def test_onnx_runtime_agrees(tmp_path: Path, heads: int, within: float, *, int8: bool) -> None:
    shape = tiny_encoders.Shape(hidden=64, heads=heads, layers=3, wide=256)
    onnx = packed_encoders.build(tmp_path / "m", shape=shape, int8=int8)
    rows = packed_encoders.some_rows(*LENGTHS)
    ours, theirs = opened(onnx).request(), OnnxEngine(onnx, pad_id=0, int8=int8).request()
    np.testing.assert_allclose(ours.run(rows), theirs.run(rows), atol=within)


def test_more_rows_than_are_computed_at_a_time(tmp_path: Path) -> None:
    onnx = packed_encoders.build(tmp_path / "m", "late")
    rows = packed_encoders.some_rows(*[63] * 12)
    request = opened(onnx).request()
    for together, row in zip(request.vectors(rows), rows, strict=True):
        np.testing.assert_array_equal(together, request.vectors([row])[0])


@pytest.mark.parametrize("kind", ["bert", "late"])
def test_bits_do_not_depend_on_neighbours_or_order(tmp_path: Path, kind: str) -> None:
    request = opened(packed_encoders.build(tmp_path / "m", kind)).request()
    rows = packed_encoders.some_rows(*LENGTHS)
    results = request.vectors if kind == "late" else request.run
    alone = [results([row])[0] for row in rows]
    for found, expected in zip(results(rows), alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(results(rows[::-1]), alone[::-1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    engine = opened(packed_encoders.build(tmp_path / "m"))
    rows = packed_encoders.some_rows(*LENGTHS)
    expected = engine.request().run(rows)
    found: list[np.ndarray] = []

    def run() -> None:
        found.extend(engine.request().run(rows) for _ in range(20))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all((one == expected).all() for one in found)


def test_a_document_without_tokens_is_read_as_one(tmp_path: Path) -> None:
    empty = Row(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    logits = opened(packed_encoders.build(tmp_path / "m")).request().run([empty])
    assert np.isfinite(logits).all()
    late = opened(packed_encoders.build(tmp_path / "late", "late")).request()
    assert [len(one) for one in late.vectors([empty, *packed_encoders.some_rows(3)])] == [0, 3]


def test_a_process_that_locks_its_memory_loads_all_the_same(tmp_path: Path) -> None:
    kernels, layout = library(), read_layout(packed_encoders.build(tmp_path / "m"))
    assert kernels is not None
    assert layout is not None
    libc, page = ctypes.CDLL(None, use_errno=True), mmap.PAGESIZE
    locked = ctypes.c_void_p(layout.words.ctypes.data // page * page)
    if libc.mlock(locked, ctypes.c_size_t(page)):
        pytest.skip("this process may not lock memory")
    try:
        assert NativeEncoder(kernels, layout).labels == 1
    finally:
        libc.munlock(locked, ctypes.c_size_t(page))


def test_a_stopped_request_runs_nothing_more(tmp_path: Path) -> None:
    engine = opened(packed_encoders.build(tmp_path / "m"))
    rows = packed_encoders.some_rows(5)
    request, other = engine.request(), engine.request()
    request.stop()
    with pytest.raises(InferenceError, match="stopped"):
        request.run(rows)
    assert np.isfinite(other.run(rows)).all()


def test_a_run_ends_before_its_next_layer(tmp_path: Path) -> None:
    shape = tiny_encoders.Shape(hidden=256, heads=4, layers=24, wide=512)
    engine = opened(packed_encoders.build(tmp_path / "m", shape=shape))
    rows = packed_encoders.some_rows(*[64] * 64)
    whole = _work(lambda: engine.request().run(rows))
    shares = [_share(engine.request(), rows, whole) for _ in range(5)]
    assert min(shares) < 0.7


def _work(run: Callable[[], object]) -> float:
    """Return the seconds of this thread, which other processes do not lengthen."""
    begun = time.thread_time()
    run()
    return time.thread_time() - begun


def _share(request: NativeRequest, rows: Sequence[Row], whole: float) -> float:
    timer = threading.Timer(whole / 10, request.stop)

    def stopped() -> None:
        with pytest.raises(InferenceError, match="stopped"):
            request.run(rows)

    timer.start()
    share = _work(stopped) / whole
    timer.join()
    return share


@pytest.mark.parametrize("ids", [(3, 10**6), (3, -1)])
def test_an_id_without_an_embedding_is_refused(tmp_path: Path, ids: tuple[int, ...]) -> None:
    request = opened(packed_encoders.build(tmp_path / "m")).request()
    with pytest.raises(InferenceError, match="no embedding"):
        request.run([packed_encoders.row(*ids)])


def test_a_segment_without_an_embedding_is_refused(tmp_path: Path) -> None:
    request = opened(packed_encoders.build(tmp_path / "m")).request()
    with pytest.raises(InferenceError, match="no embedding"):
        request.run([Row(np.array([3, 4]), np.array([0, 2]))])


def test_a_document_beyond_the_positions_is_refused(tmp_path: Path) -> None:
    request = opened(packed_encoders.build(tmp_path / "m")).request()
    with pytest.raises(InferenceError, match="max_length"):
        request.run(packed_encoders.some_rows(5000))
