"""Vectors of documents from one call to the next: the same bits, no reading, and a bound."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from localrank import InvalidRequestError, ModelLoadError, rerank, rerank_sync
from localrank.contract.types import RerankResult
from localrank_transformers import DocumentStore, OnnxReranker
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.native.engine import NativeRequest
from localrank_transformers.engines.onnx.session import OnnxRequest
from localrank_transformers.families.late.known.disk.segments import SegmentWriter
from localrank_transformers.families.late.tokens import LateTokenizer
from tests.support import late_graphs, tiny_models

QUERY = "what is the capital of france"
TEXTS = ["paris is the capital", "the city", "france .", "rag", "the capital of the city of paris"]


def read_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the length of each row that an engine reads."""
    lengths: list[int] = []

    def watch(request: type[OnnxRequest | NativeRequest]) -> None:
        original = request.vectors

        def watching(self: Any, rows: Sequence[Row], *, alone: bool) -> Any:
            lengths.extend(len(row.ids) for row in rows)
            return original(self, rows, alone=alone)

        monkeypatch.setattr(request, "vectors", watching)

    watch(OnnxRequest)
    watch(NativeRequest)
    return lengths


def in_order(result: RerankResult[str]) -> list[float]:
    return [hit.score for hit in sorted(result, key=lambda hit: hit.index)]


@pytest.mark.anyio
@pytest.mark.parametrize("model", ["folder", "localrank-tiny"])
async def test_a_known_document_is_not_read_again_and_has_the_bits_that_it_had_when_it_was_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    name = str(late_graphs.build(tmp_path / "m")) if model == "folder" else model
    for query in (QUERY, "pasta", QUERY):
        with OnnxReranker(name, document_cache_mb=8) as new:
            expected = in_order(await rerank(new, query, [*TEXTS, "new"]))
        with OnnxReranker(name, document_cache_mb=8) as keeping:
            await rerank(keeping, "something else", [*TEXTS, "new"])
            lengths = read_rows(monkeypatch)
            result = await rerank(keeping, query, [*TEXTS, "new"])
            monkeypatch.undo()
        assert in_order(result) == expected
        assert len(lengths) == 1  # the query
        assert result.usage.cache_hits == len(TEXTS) + 1
        assert result.usage.input_tokens == lengths[0]


@pytest.mark.anyio
async def test_a_query_takes_the_threads_of_its_call_where_every_document_is_known_and_changes_no_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def watching(self: Any, rows: Sequence[Row], *, alone: bool) -> Any:
        taken.append((len(rows[0].ids), alone))
        return original(self, rows, alone=alone)

    long = " ".join([QUERY] * 4)
    with OnnxReranker("localrank-tiny", document_cache_mb=8) as model:
        new = in_order(await rerank(model, long, TEXTS))
        taken: list[tuple[int, bool]] = []
        request = type(model._once.get()[0].engine.request())
        original = request.vectors
        monkeypatch.setattr(request, "vectors", watching)
        assert in_order(await rerank(model, long, TEXTS)) == new
        ((query, is_alone),) = taken
        assert is_alone
        await rerank(model, long, [*TEXTS, "new"])
        assert max(taken[1:]) == (query, False)


@pytest.mark.anyio
async def test_an_int8_model_scores_the_same_whether_documents_are_kept_or_not() -> None:
    with (
        OnnxReranker("localrank-tiny") as plain,
        OnnxReranker("localrank-tiny", document_cache_mb=8) as keeping,
    ):
        for _ in range(2):
            assert in_order(await rerank(plain, QUERY, TEXTS)) == in_order(
                await rerank(keeping, QUERY, TEXTS)
            )


@pytest.mark.anyio
async def test_a_float32_model_that_keeps_documents_scores_within_what_is_rounded(tmp_path: Path) -> None:
    folder = late_graphs.build(tmp_path / "m")
    with OnnxReranker(folder) as plain, OnnxReranker(folder, document_cache_mb=8) as keeping:
        expected = in_order(await rerank(plain, QUERY, TEXTS))
        assert in_order(await rerank(keeping, QUERY, TEXTS)) == pytest.approx(expected, abs=0.01)


@pytest.mark.anyio
async def test_a_known_text_is_neither_tokenized_nor_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    with OnnxReranker("localrank-tiny", document_cache_mb=8) as model:
        await rerank(model, QUERY, TEXTS)
        tokenized: list[str] = []
        original = LateTokenizer.documents

        def watching(self: LateTokenizer, documents: Sequence[str]) -> Any:
            tokenized.extend(documents)
            return original(self, documents)

        monkeypatch.setattr(LateTokenizer, "documents", watching)
        result = await rerank(model, QUERY, [*TEXTS, "new"])
    assert tokenized == ["new"]
    assert result.usage.cache_hits == len(TEXTS)


@pytest.mark.anyio
async def test_a_known_document_that_was_cut_is_marked_again() -> None:
    with OnnxReranker("localrank-tiny", max_length=16, document_cache_mb=8) as model:
        results = [await rerank(model, QUERY, ["short", "long " * 40]) for _ in range(2)]
    assert [result.usage.truncated_documents for result in results] == [1, 1]
    assert [[hit.index for hit in result if hit.truncated] for result in results] == [[1], [1]]


@pytest.mark.anyio
async def test_two_windows_know_different_documents() -> None:
    text = "paris is the capital of france and the city of light " * 4
    found = []
    for window in (16, 32, 16):
        with OnnxReranker("localrank-tiny", max_length=window, document_cache_mb=8) as model:
            found.append(in_order(await rerank(model, QUERY, [text])))
    assert found[0] == found[2] != found[1]


@pytest.mark.anyio
async def test_many_calls_at_once_read_each_document_once_and_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"document {number} of the city" for number in range(30)]
    with OnnxReranker("localrank-tiny", document_cache_mb=8) as model:
        await model.warm_up()
        lengths, results = read_rows(monkeypatch), dict[int, RerankResult[str]]()

        async def call(number: int) -> None:
            results[number] = await rerank(model, QUERY, texts)

        async with anyio.create_task_group() as tasks:
            for number in range(6):
                tasks.start_soon(call, number)
    assert len(lengths) == 6 + len(texts)
    assert len({tuple(in_order(result)) for result in results.values()}) == 1
    assert sum(result.usage.cache_hits for result in results.values()) == 5 * len(texts)
    assert sum(result.usage.input_tokens or 0 for result in results.values()) == sum(lengths)


@pytest.mark.anyio
async def test_closing_forgets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = OnnxReranker(late_graphs.build(tmp_path / "m"), document_cache_mb=8)
    await rerank(model, QUERY, TEXTS)
    model.close()
    lengths = read_rows(monkeypatch)
    result = await rerank(model, QUERY, TEXTS)
    assert len(lengths) == 1 + len(TEXTS)
    assert result.usage.cache_hits == 0


LONG = "city " * 3_000
"""1.2 MB of vectors in a model of `reads_long`."""


def reads_long(folder: Path) -> Path:
    """Write a model with a window of 4,000 tokens, and 384 numbers a token."""
    late_graphs.build(folder, doc_maxlen=4_000, dim=384)
    late_graphs.write_graph(folder / "onnx/model.onnx", 384)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 4_000}))
    return folder


@pytest.mark.anyio
async def test_a_memory_too_small_for_a_document_is_told_once_with_what_suffices(tmp_path: Path) -> None:
    folder = reads_long(tmp_path / "m")
    model = OnnxReranker(folder, max_length=4_000, document_cache_mb=1)
    (warning,) = (await rerank(model, QUERY, [*TEXTS, LONG])).warnings
    assert warning.feature == "document_cache_mb"
    assert "document_cache_mb=1 keeps no document whose vectors take more" in warning.message
    again = await rerank(model, QUERY, [*TEXTS, LONG])
    assert (again.usage.cache_hits, again.warnings) == (len(TEXTS), ())
    model.close()
    assert not (await rerank(model, QUERY, [LONG])).warnings
    model.close()
    needed = re.search(r"document_cache_mb=(\d+) or more", warning.message)
    assert needed is not None
    with OnnxReranker(folder, max_length=4_000, document_cache_mb=int(needed[1])) as larger:
        assert not (await rerank(larger, QUERY, [LONG])).warnings
        assert (await rerank(larger, QUERY, [LONG])).usage.cache_hits == 1


@pytest.mark.anyio
async def test_a_document_that_a_store_keeps_needs_no_room_in_memory(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"document_cache_mb": 1, "document_store": tmp_path / "s"}
    with OnnxReranker(reads_long(tmp_path / "m"), max_length=4_000, **settings) as model:
        for hits in (0, 1):
            result = await rerank(model, QUERY, [LONG])
            assert (result.usage.cache_hits, result.warnings) == (hits, ())


@pytest.mark.parametrize(
    ("build", "apart"), [(late_graphs.build, True), (tiny_models.build, False), (Path.mkdir, False)]
)
def test_a_folder_says_whether_its_model_reads_documents_apart(
    tmp_path: Path, build: Callable[[Path], object], apart: bool
) -> None:
    build(tmp_path / "m")
    assert OnnxReranker(tmp_path / "m").reads_documents_apart is apart


@pytest.mark.anyio
async def test_a_model_of_pairs_has_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="together with its query"):
        await rerank(OnnxReranker(tiny_models.build(tmp_path / "m"), document_cache_mb=8), QUERY, TEXTS)


@pytest.mark.parametrize("value", [0, -1, True])
def test_a_size_that_is_none_is_refused(value: int) -> None:
    with pytest.raises(InvalidRequestError, match="document_cache_mb"):
        OnnxReranker(document_cache_mb=value)


def test_two_precisions_have_none() -> None:
    with pytest.raises(InvalidRequestError, match="refined"):
        OnnxReranker(document_cache_mb=8, precision="refined")


@pytest.mark.anyio
async def test_a_store_outlives_the_model_and_its_scores_have_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OnnxReranker("localrank-tiny") as plain:
        expected = in_order(await rerank(plain, QUERY, TEXTS))
    with OnnxReranker("localrank-tiny", document_store=tmp_path / "s") as first:
        assert in_order(await rerank(first, QUERY, TEXTS)) == expected
        assert (await rerank(first, QUERY, TEXTS)).usage.cache_hits == len(TEXTS)
    store = DocumentStore(tmp_path / "s", max_mb=50)
    with OnnxReranker("localrank-tiny", document_store=store, document_cache_mb=8) as second:
        await second.warm_up()
        lengths = read_rows(monkeypatch)
        result = await rerank(second, QUERY, TEXTS)
    assert in_order(result) == expected
    assert len(lengths) == 1
    assert result.usage.cache_hits == len(TEXTS)
    assert store.facts().model == "localrank-tiny"


@pytest.mark.anyio
async def test_a_store_of_texts_that_were_read_by_other_settings_is_refused(tmp_path: Path) -> None:
    folder = late_graphs.build(tmp_path / "m")
    with OnnxReranker(folder, document_store=tmp_path / "s") as model:
        await rerank(model, QUERY, TEXTS)
    settings = folder / "tokenizer_config.json"
    settings.write_text(
        json.dumps({**json.loads(settings.read_text()), "additional_special_tokens": ["paris"]})
    )
    with (
        pytest.raises(ModelLoadError, match="read its texts in another way"),
        OnnxReranker(folder, document_store=tmp_path / "s") as model,
    ):
        await rerank(model, QUERY, TEXTS)


@pytest.mark.anyio
async def test_a_store_of_another_window_is_refused(tmp_path: Path) -> None:
    with OnnxReranker("localrank-tiny", document_store=tmp_path / "s") as model:
        await rerank(model, QUERY, TEXTS)
    with pytest.raises(ModelLoadError, match="another model"):
        await rerank(
            OnnxReranker("localrank-tiny", document_store=tmp_path / "s", max_length=64), QUERY, TEXTS
        )


@pytest.mark.anyio
@pytest.mark.parametrize("model", ["folder", "localrank-tiny"])
async def test_small_vectors_score_a_known_document_as_a_new_one(tmp_path: Path, model: str) -> None:
    name = str(late_graphs.build(tmp_path / "m")) if model == "folder" else model
    with OnnxReranker(name, document_store=DocumentStore(tmp_path / "s", vectors="small")) as first:
        new = in_order(await rerank(first, QUERY, TEXTS))
        assert in_order(await rerank(first, QUERY, TEXTS)) == new
        vectors = [one.vectors for one in first.document_vectors(TEXTS)]
        assert first.score_vectors(QUERY, vectors) == pytest.approx(new, abs=1e-3)
    with OnnxReranker(name, document_store=tmp_path / "s", document_cache_mb=8) as second:
        result = await rerank(second, QUERY, TEXTS)
    assert in_order(result) == new
    assert result.usage.cache_hits == len(TEXTS)
    with OnnxReranker(name, document_cache_mb=8) as full:
        expected = in_order(await rerank(full, QUERY, TEXTS))
    assert in_order(result) != expected
    facts = DocumentStore(tmp_path / "s").facts()
    assert facts.vectors == "small"
    assert facts.vectors_mb * 1e6 < 60 * facts.tokens


def test_scores_of_small_vectors_are_cached_apart(tmp_path: Path) -> None:
    small = DocumentStore(tmp_path / "s", vectors="small")
    with OnnxReranker("localrank-tiny", document_store=small) as made:
        rerank_sync(made, QUERY, TEXTS)
        later = OnnxReranker("localrank-tiny", document_store=tmp_path / "s")
        full = OnnxReranker("localrank-tiny", document_store=tmp_path / "f")
        assert made.fingerprint == later.fingerprint != full.fingerprint
        assert full.fingerprint != OnnxReranker("localrank-tiny").fingerprint
        later.close()


@pytest.mark.anyio
async def test_what_a_store_could_not_keep_is_said_in_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with OnnxReranker("localrank-tiny", document_store=tmp_path / "s") as model:
        await model.warm_up()
        monkeypatch.setattr(SegmentWriter, "write", full)
        result = await rerank(model, QUERY, TEXTS)
    assert len(result) == len(TEXTS)
    assert ["No space left" in warning.message for warning in result.warnings].count(True) == 1
