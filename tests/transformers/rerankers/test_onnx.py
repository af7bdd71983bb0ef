"""The local reranker on real ONNX Runtime: the embedded model and small models of other layouts."""

from __future__ import annotations

import gc
import os
import pickle
import threading
import time
import weakref
from pathlib import Path

import anyio
import numpy as np
import pytest

from localrank import rerank, rerank_sync
from localrank.contract.errors import (
    InvalidRequestError,
    ModelLoadError,
    RerankAbortedError,
    UnknownModelError,
)
from localrank.contract.model import DoRerankOptions
from localrank.providers import unused
from localrank.providers.calls import checked
from localrank_transformers import OnnxReranker
from localrank_transformers.call.scheduler import Scheduler
from localrank_transformers.families.late.tokens import LateTokenizer
from localrank_transformers.families.tokenization import PairTokenizer
from tests.support import tiny_models
from tests.support.serving import wait_until

pytestmark = pytest.mark.anyio

RAG = "How does retrieval-augmented generation work?"
RAG_DOCUMENTS = [
    "Karachi is a city in Pakistan, known for its port and its beaches.",
    "Retrieval-augmented generation first retrieves passages and then gives them to a language model as context.",
    "The capital of France is Paris.",
    "In RAG a generator answers from documents that a retriever has found, so it can cite its sources.",
    "A cross-encoder reads the query and a document together and returns one score.",
]


@pytest.fixture(scope="module")
def embedded() -> OnnxReranker:
    return OnnxReranker()


@pytest.fixture(scope="module")
def tiny() -> OnnxReranker:
    return OnnxReranker("localrank-tiny")


def long_documents(count: int, words: int = 120) -> list[str]:
    return [
        f"document {number} " + f"word{number % 7} text of some kind " * (words // 5)
        for number in range(count)
    ]


async def test_the_embedded_model_ranks_as_a_person_would(embedded: OnnxReranker) -> None:
    result = await rerank(embedded, RAG, RAG_DOCUMENTS)
    assert {1, 3} == {hit.index for hit in result[:2]}
    assert result[2].index == 4


async def test_the_small_embedded_model_finds_the_answer(tiny: OnnxReranker) -> None:
    result = await rerank(tiny, RAG, RAG_DOCUMENTS)
    assert result[0].index == 1
    assert (tiny.model_id, tiny.score_kind) == ("localrank-tiny", "probability")


@pytest.mark.parametrize(
    ("query", "documents", "best"),
    [
        (
            "What is machine learning?",
            [
                "Machine learning is a field of artificial intelligence in which programs learn from data.",
                "To cook pasta, bring salted water to a boil and stir now and then.",
                "Deep learning is a subset of machine learning that uses neural networks with many layers.",
            ],
            [0, 2],
        ),
        (
            "How to deploy a Next.js app?",
            [
                "Managing state in React with hooks and context.",
                "A guide to deploying your Next.js application to Vercel.",
                "Deploying static sites to Netlify.",
                "Next.js API routes let you write back-end endpoints.",
            ],
            [1],
        ),
    ],
)
async def test_the_lists_of_the_tutorials(
    embedded: OnnxReranker, query: str, documents: list[str], best: list[int]
) -> None:
    result = await rerank(embedded, query, documents)
    assert set(best) == {hit.index for hit in result[: len(best)]}


async def test_scores_are_probabilities_with_the_logit_beside_them(embedded: OnnxReranker) -> None:
    result = await rerank(embedded, RAG, RAG_DOCUMENTS)
    assert result.score_kind == "probability"
    logits = np.array([hit.metadata["logit"] for hit in result])
    assert [hit.score for hit in result] == pytest.approx(1 / (1 + np.exp(-logits)))
    assert len(set(logits)) == len(RAG_DOCUMENTS)


async def test_tokens_are_counted_from_the_encodings(embedded: OnnxReranker) -> None:
    tokenizer = embedded._once.get()[0].family.tokenizer._tokenizer
    expected = sum(len(tokenizer.encode(text).ids) for text in (RAG, *RAG_DOCUMENTS))
    result = await rerank(embedded, RAG, RAG_DOCUMENTS)
    assert (expected, False, 0) == (
        result.usage.input_tokens,
        result.usage.tokens_estimated,
        result.usage.truncated_documents,
    )


async def test_a_score_is_bit_identical_alone_among_others_and_in_any_order(embedded: OnnxReranker) -> None:
    documents = [*RAG_DOCUMENTS, *long_documents(20)]
    together = {hit.index: hit.score for hit in await rerank(embedded, RAG, documents)}
    backwards = await rerank(embedded, RAG, documents[::-1])
    assert together == {len(documents) - 1 - hit.index: hit.score for hit in backwards}
    alone = await rerank(embedded, RAG, [documents[3]])
    assert together[3] == alone[0].score


async def test_identical_documents_are_scored_once(
    embedded: OnnxReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    original = LateTokenizer.documents

    def counting(self: LateTokenizer, texts):
        seen.append(len(texts))
        return original(self, texts)

    monkeypatch.setattr(LateTokenizer, "documents", counting)
    result = await rerank(embedded, RAG, [RAG_DOCUMENTS[1], RAG_DOCUMENTS[0]] * 3)
    assert seen == [2]
    assert [hit.index for hit in result] == [0, 2, 4, 1, 3, 5]


async def test_the_tokenizer_is_called_once_a_slice_and_once_for_the_query(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {"query": 0, "documents": 0}
    model = OnnxReranker(tiny_models.build(tmp_path / "m"))
    await model.warm_up()
    for name in calls:
        original = getattr(PairTokenizer, name)

        def counting(self, *arguments, _original=original, _name=name):
            calls[_name] += 1
            return _original(self, *arguments)

        monkeypatch.setattr(PairTokenizer, name, counting)
    await rerank(model, "what is rag", [f"w{number % 200} the {number}" for number in range(2_000)])
    assert calls == {"query": 1, "documents": 2}


async def test_long_documents_are_marked_and_counted_in_one_warning(embedded: OnnxReranker) -> None:
    result = await rerank(embedded, RAG, [RAG_DOCUMENTS[1], "word " * 2_000, "other " * 3_000])
    assert {hit.index: hit.truncated for hit in result} == {0: False, 1: True, 2: True}
    assert [warning.type for warning in result.warnings] == ["documents_truncated"]
    assert result.warnings[0].message.startswith("2 of 3 ")
    assert result.usage.truncated_documents == 2


async def test_a_long_query_is_cut_with_a_warning(embedded: OnnxReranker) -> None:
    result = await rerank(embedded, "word " * 600, RAG_DOCUMENTS)
    assert "query_truncated" in [warning.type for warning in result.warnings]


async def test_an_instruction_and_an_unknown_option_are_named_in_warnings(embedded: OnnxReranker) -> None:
    result = await rerank(
        embedded,
        RAG,
        RAG_DOCUMENTS,
        instruction="prefer short",
        provider_options={"onnx": {"x": 1}, "cohere": {"y": 2}},
    )
    assert [(warning.type, warning.feature) for warning in result.warnings] == [
        ("unsupported", "instruction"),
        ("unsupported", "x"),
    ]


async def test_the_event_loops_thread_neither_tokenizes_nor_computes(
    embedded: OnnxReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await embedded.warm_up()
    request = type(embedded._once.get()[0].engine.request())
    threads: dict[str, set[int]] = {}
    for owner, name in ((LateTokenizer, "query"), (LateTokenizer, "documents"), (request, "vectors")):
        original = getattr(owner, name)

        def noting(self, *arguments, _original=original, _name=name, **how):
            threads.setdefault(_name, set()).add(threading.get_ident())
            return _original(self, *arguments, **how)

        monkeypatch.setattr(owner, name, noting)
    await rerank(embedded, RAG, RAG_DOCUMENTS)
    assert set(threads) == {"query", "documents", "vectors"}
    assert threading.get_ident() not in set().union(*threads.values())


async def test_concurrent_tasks_get_the_scores_they_get_alone(embedded: OnnxReranker) -> None:
    queries = [f"{RAG} {number}" for number in range(6)]
    alone = [[hit.score for hit in await rerank(embedded, query, RAG_DOCUMENTS)] for query in queries]
    together: dict[int, list[float]] = {}

    async def one(place: int) -> None:
        together[place] = [hit.score for hit in await rerank(embedded, queries[place], RAG_DOCUMENTS)]

    async with anyio.create_task_group() as group:
        for place in range(len(queries)):
            group.start_soon(one, place)
    assert alone == [together[place] for place in range(len(queries))]


def test_concurrent_threads_get_the_scores_they_get_alone(embedded: OnnxReranker) -> None:
    alone = [hit.score for hit in rerank_sync(embedded, RAG, RAG_DOCUMENTS)]
    scores: list[list[float]] = []

    def one() -> None:
        scores.append([hit.score for hit in rerank_sync(embedded, RAG, RAG_DOCUMENTS)])

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [alone] * 8 == scores


async def test_an_abort_stops_the_computation_and_leaves_the_model_usable(embedded: OnnxReranker) -> None:
    before = [hit.score for hit in await rerank(embedded, RAG, RAG_DOCUMENTS)]
    event = threading.Event()
    threading.Timer(0.05, event.set).start()
    with pytest.raises(RerankAbortedError) as caught:
        await rerank(embedded, RAG, long_documents(1_000, 400), abort_event=event)
    assert caught.value.phase == "in_call"
    assert before == [hit.score for hit in await rerank(embedded, RAG, RAG_DOCUMENTS)]


async def test_a_cancelled_task_stops_the_computation(embedded: OnnxReranker) -> None:
    await embedded.warm_up()
    with anyio.move_on_after(0.05) as scope:
        await rerank(embedded, RAG, long_documents(1_000, 400))
    assert scope.cancelled_caught
    scheduler = embedded._once.get()[0].device.scheduler
    with anyio.fail_after(5):
        while scheduler._batches:
            await anyio.sleep(0.005)


async def test_a_model_called_without_the_core_obeys_the_token_too(embedded: OnnxReranker) -> None:
    event = threading.Event()
    threading.Timer(0.05, event.set).start()
    with pytest.raises(RerankAbortedError):
        await embedded.do_rerank(DoRerankOptions(RAG, tuple(long_documents(500, 400)), abort_event=event))


def slowed(monkeypatch: pytest.MonkeyPatch, model: OnnxReranker) -> None:
    """Let the runs of all cores together take 6 ms each, whatever the machine, or until they are stopped."""
    request = type(model._once.get()[0].engine.request())
    vectors, stop, stopped = request.vectors, request.stop, threading.Event()

    def slow(self, rows, **how):
        stopped.wait(0.006 * (os.cpu_count() or 1))
        return vectors(self, rows, **how)

    def stopping(self):
        stopped.set()
        stop(self)

    monkeypatch.setattr(request, "vectors", slow)
    monkeypatch.setattr(request, "stop", stopping)


async def test_a_deadline_returns_everything_with_the_scored_first(
    embedded: OnnxReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await embedded.warm_up()
    slowed(monkeypatch, embedded)
    options = DoRerankOptions(RAG, tuple(f"document {number}" for number in range(1_200)), deadline=1.0)
    # Asked past the core, whose grace after a deadline is too short for a busy machine.
    answer = checked(await embedded.do_rerank(options), model=embedded, options=options)
    scored = [item for item in answer.results if not item.tier]
    left = [item.index for item in answer.results if item.tier]
    assert len(answer.results) == 1_200
    assert 0 < len(scored) < 1_200
    assert scored == list(answer.results[: len(scored)])
    assert sorted(left) == left
    assert [warning.type for warning in answer.warnings] == ["deadline_exceeded"]


async def test_progress_reaches_the_end(embedded: OnnxReranker) -> None:
    seen: list[tuple[int, int]] = []
    await rerank(
        embedded, RAG, RAG_DOCUMENTS, on_progress=lambda event: seen.append((event.done, event.total))
    )
    assert seen[-1] == (5, 5)


async def test_loading_is_shared_by_all_who_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import localrank_transformers.rerankers.onnx_loading as module

    loads: list[int] = []
    original = module.load

    def slow(*arguments):
        loads.append(1)
        time.sleep(0.5)  # until all of them wait
        return original(*arguments)

    monkeypatch.setattr(module, "load", slow)
    model = OnnxReranker(tiny_models.build(tmp_path / "m"))
    results = []

    async def one() -> None:
        results.append(await rerank(model, "what", ["the", "rag"]))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(one)
    assert (len(loads), len(results)) == (1, 5)
    assert all(result.usage.load_ms > 0 for result in results)
    assert (await rerank(model, "what", ["the"])).usage.load_ms == 0.0


async def test_a_failed_load_is_forgotten(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    good = (folder / "onnx/model.onnx").read_bytes()
    (folder / "onnx/model.onnx").write_bytes(b"not a graph")
    model = OnnxReranker(folder)
    with pytest.raises(ModelLoadError, match=r"cannot load|no valid ONNX"):
        await rerank(model, "what", ["the"])
    (folder / "onnx/model.onnx").write_bytes(good)
    assert len(await rerank(model, "what", ["the"])) == 1


async def test_close_ends_the_workers_and_the_next_call_loads_again(tmp_path: Path) -> None:
    async with OnnxReranker(tiny_models.build(tmp_path / "m")) as model:
        await rerank(model, "what", ["the"])
        await model.aclose()
        assert (await rerank(model, "what", ["the"])).usage.load_ms > 0
    model.close()
    model.close()


def test_a_closed_model_is_freed_at_once(tmp_path: Path) -> None:
    model = OnnxReranker(tiny_models.build(tmp_path / "m"))
    gc.disable()
    try:
        rerank_sync(model, "what", ["the", "rag"])
        engine = weakref.ref(model._once.get()[0].engine)
        model.close()
        assert engine() is None
    finally:
        gc.enable()


def leases_without_garbage(scheduler: Scheduler) -> int:
    """Return how many leases are held once the models of tests before have ended theirs, in threads of their own."""
    gc.collect()
    wait_until(lambda: not unused._closing)
    return scheduler._leases


def test_a_dropped_reranker_releases_its_workers(tmp_path: Path) -> None:
    model = OnnxReranker(tiny_models.build(tmp_path / "m"))
    rerank_sync(model, "what", ["the"])
    scheduler = model._once.get()[0].device.scheduler
    leases = leases_without_garbage(scheduler)
    del model
    gc.collect()
    wait_until(lambda: scheduler._leases < leases)


def test_a_reranker_may_be_collected_while_the_collecting_thread_holds_the_queue(tmp_path: Path) -> None:
    model = OnnxReranker(tiny_models.build(tmp_path / "m"))
    rerank_sync(model, "what", ["the"])
    scheduler, models = model._once.get()[0].device.scheduler, [model]
    leases = leases_without_garbage(scheduler)
    del model

    def collect() -> None:
        with scheduler._lock:
            models.clear()
            gc.collect()

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(30)

    assert not thread.is_alive()
    wait_until(lambda: scheduler._leases < leases)


def test_it_pickles_as_its_settings(tmp_path: Path) -> None:
    model = OnnxReranker(tiny_models.build(tmp_path / "m"), max_length=32, activation="none")
    rerank_sync(model, "what", ["the"])
    again = pickle.loads(pickle.dumps(model))
    assert (model.fingerprint, "logit") == (again.fingerprint, again.score_kind)
    assert len(rerank_sync(again, "what", ["the"])) == 1


def expected_logit(folder: Path, query: str, document: str, *, segments: bool = True) -> float:
    return float(expected_logits(folder, query, document, segments=segments)[0])


def expected_logits(
    folder: Path, query: str, document: str, *, labels: int = 1, segments: bool = True
) -> np.ndarray:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    pair = tokenizer.encode(query, document)
    tokens, kinds = tiny_models.weights(tokenizer.get_vocab_size(), labels)
    factors = kinds[pair.type_ids] if segments else 1.0
    return (tokens[pair.ids] * factors).sum(axis=0)


@pytest.mark.parametrize("style", ["bert", "roberta"])
@pytest.mark.parametrize("onnx_name", ["onnx/model.onnx", "model.onnx"])
async def test_a_folder_of_either_layout_gets_the_inputs_that_its_graph_declares(
    tmp_path: Path, style: str, onnx_name: str
) -> None:
    folder = tiny_models.build(tmp_path / "m", style=style, onnx_name=onnx_name)
    result = await rerank(
        OnnxReranker(str(folder)), "what is rag", ["the capital of france", "pasta", "w1 w2 w3"]
    )
    expected = {
        hit.index: expected_logit(folder, "what is rag", hit.text, segments=style == "bert") for hit in result
    }
    assert len(expected) == 3
    assert {hit.index: hit.metadata["logit"] for hit in result} == pytest.approx(expected, abs=1e-5)


async def test_external_data_beside_the_graph_is_found(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m", external_data=True)
    [hit] = await rerank(OnnxReranker(folder), "what", ["rag"])
    assert hit.metadata["logit"] == pytest.approx(expected_logit(folder, "what", "rag"), abs=1e-5)


async def test_an_output_without_the_label_axis_is_read(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m", flat_output=True)
    documents = ["the", "rag", "pasta"]
    result = await rerank(OnnxReranker(folder), "what", documents)
    assert {hit.index: hit.metadata["logit"] for hit in result} == pytest.approx(
        {index: expected_logit(folder, "what", document) for index, document in enumerate(documents)},
        abs=1e-5,
    )


async def test_two_labels_are_scored_by_the_positive_one(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m", labels=2)
    expected = {}
    for index, document in enumerate(["the", "rag"]):
        negative, positive = np.exp(expected_logits(folder, "what", document, labels=2))
        expected[index] = positive / (negative + positive)
    result = await rerank(OnnxReranker(folder), "what", ["the", "rag"])
    assert all(abs(score - 0.5) > 1e-3 for score in expected.values())
    assert {hit.index: hit.score for hit in result} == pytest.approx(expected, abs=1e-5)


async def test_grouped_float32_scores_equal_those_alone(tmp_path: Path) -> None:
    model = OnnxReranker(tiny_models.build(tmp_path / "m"))
    documents = [f"w{number} w{number + 1} the" + " of" * (number % 3) for number in range(40)]
    together = {hit.index: hit.score for hit in await rerank(model, "what is rag", documents)}
    for index in (0, 17, 39):
        alone = await rerank(model, "what is rag", [documents[index]])
        assert pytest.approx(alone[0].score, abs=1e-6) == together[index]


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"precision": "int4"}, InvalidRequestError, "precision"),
        ({"max_length": 0}, InvalidRequestError, "max_length"),
        ({"threads": True}, InvalidRequestError, "threads"),
        ({"activation": "softmax"}, InvalidRequestError, "activation"),
    ],
)
def test_a_setting_without_meaning_is_refused_at_once(change, error, match) -> None:
    with pytest.raises(error, match=match):
        OnnxReranker(**change)


def test_names_that_lead_nowhere_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="localrank-mini"):
        OnnxReranker("localrank-minni")
    with pytest.raises(ModelLoadError, match="no folder"):
        OnnxReranker(tmp_path / "absent")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"config": {"architectures": ["LlamaForCausalLM"]}}, "LlamaForCausalLM"),
        ({"labels": 3}, "3 labels"),
        ({"inputs": ["input_ids", "pixel_values"]}, "wants the input 'pixel_values'"),
        ({"inputs": ["input_ids", "lengths"]}, "wants the input 'lengths'"),
        ({"inputs": ["input_ids", "attention_mask"], "onnx_name": "elsewhere/a.onnx"}, None),
    ],
)
async def test_a_folder_that_cannot_work_says_why(tmp_path: Path, settings, match: str | None) -> None:
    folder = tiny_models.build(tmp_path / "m", **settings)
    if match is None:
        assert len(await rerank(OnnxReranker(folder), "what", ["the"])) == 1
        return
    with pytest.raises(ModelLoadError, match=match):
        await rerank(OnnxReranker(folder), "what", ["the"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("config.json", r"has no readable config\.json"),
        ("tokenizer.json", r"has no readable tokenizer\.json"),
        ("onnx/model.onnx", r"holds no ONNX file\. Expected onnx/model\.onnx"),
    ],
)
async def test_a_missing_file_is_named(tmp_path: Path, name: str, says: str) -> None:
    folder = tiny_models.build(tmp_path / "m")
    (folder / name).unlink()
    with pytest.raises(ModelLoadError, match=says):
        await rerank(OnnxReranker(folder), "what", ["the"])


async def test_a_window_beyond_the_weights_is_refused(tmp_path: Path) -> None:
    model = OnnxReranker(tiny_models.build(tmp_path / "m"), max_length=65)
    with pytest.raises(InvalidRequestError, match="16 to 64"):
        await rerank(model, "what", ["the"])


async def test_an_absent_execution_provider_is_refused(tmp_path: Path) -> None:
    model = OnnxReranker(tiny_models.build(tmp_path / "m"), execution_providers=["MagicExecutionProvider"])
    with pytest.raises(InvalidRequestError, match="MagicExecutionProvider"):
        await rerank(model, "what", ["the"])
