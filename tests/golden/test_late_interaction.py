"""Late interaction agrees with MaxSim written out in numpy, and with sentence-transformers' MultiVectorEncoder."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")

import torch
from safetensors.torch import load_file
from sentence_transformers import MultiVectorEncoder
from transformers import AutoModel, AutoTokenizer

from localrank import ModelLoadError, rerank
from localrank_transformers import OnnxReranker, TorchReranker
from localrank_transformers.optimizing.optimize import Candidates, optimize
from tests.support import late_models
from tests.support.packed_encoders import with_exact_onnx_runtime
from tests.support.torch_models import texts

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

QUERY = "what is the capital of france ?"
TOLERANCE = 1e-4


def documents(count: int = 20) -> list[str]:
    """Texts with punctuation, some longer than the model's window for documents."""
    chance = random.Random(7)
    return [
        " ".join(f"{word}{chance.choice(['', '', ' ,', ' .'])}" for word in text.split())
        for text in texts(count, longest=60)
    ]


async def scores(model: TorchReranker | OnnxReranker, found: list[str]) -> list[float]:
    by_index = {hit.index: hit.score for hit in await rerank(model, QUERY, found)}
    return [by_index[index] for index in range(len(found))]


def naive(
    folder: Path, found: list[str], markers: tuple[str, str], *, expands: bool = True, attends: bool = False
) -> list[float]:
    """MaxSim of unpadded rows, one at a time: mean over the query's vectors of the best cosine."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encoder = AutoModel.from_pretrained(folder).eval()
    own = folder / "1_Dense/model.safetensors"
    projection = load_file(own if own.is_file() else folder / "model.safetensors")["linear.weight"]
    words = tokenizer.convert_tokens_to_ids
    skipped = {words(mark) for mark in ".,!?"}

    def vectors(ids: list[int], mask: list[int]) -> Any:
        with torch.no_grad():
            hidden = encoder(input_ids=torch.tensor([ids]), attention_mask=torch.tensor([mask]))
        table = (hidden.last_hidden_state[0] @ projection.T).numpy()
        return table / np.linalg.norm(table, axis=1, keepdims=True)

    def row(text: str, marker: str, length: int) -> list[int]:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        return [words("[CLS]"), words(marker), *ids[: length - 3], words("[SEP]")]

    asked = row(QUERY, markers[0], 16)
    filled = [words("[MASK]")] * (16 - len(asked) if expands else 0)
    query = vectors([*asked, *filled], [1] * len(asked) + [int(attends)] * len(filled))
    result = []
    for text in found:
        ids = row(text, markers[1], 40)
        kept = [place for place, number in enumerate(ids) if number not in skipped]
        cosines = query @ vectors(ids, [1] * len(ids))[kept].T
        result.append(float(cosines.max(axis=1).mean()))
    return result


def reference(folder: Path, found: list[str]) -> list[float]:
    model = MultiVectorEncoder(str(folder), device="cpu", similarity_fn_name="meanmaxsim")
    similarity = model.similarity(model.encode_query([QUERY]), model.encode_document(found))
    table: list[float] = similarity[0].tolist()
    return table


def reference_by_length(folder: Path, found: list[str]) -> list[float]:
    """The best cosines of sentence-transformers, averaged by the lengths of transformers' vectors of the query."""
    model = MultiVectorEncoder(str(folder), device="cpu")
    tokens = AutoTokenizer.from_pretrained(folder)(QUERY, return_tensors="pt")
    with torch.no_grad():
        lengths = AutoModel.from_pretrained(folder)(**tokens).last_hidden_state[0].norm(dim=-1).numpy()
    assert lengths.std() > 0.1
    (asked,), given = model.encode_query([QUERY]), model.encode_document(found)
    best = [(asked @ one.T).amax(1).cpu().numpy() for one in given]
    return [float(np.average(one, weights=lengths)) for one in best]


STANFORD = ("[unused0]", "[unused1]")
PYLATE = ("[Q] ", "[D] ")
LAYOUTS: dict[str, tuple[Callable[..., Path], tuple[str, str], dict[str, Any], dict[str, Any]]] = {
    "stanford": (late_models.build_stanford, STANFORD, {}, {}),
    "stanford-attends": (
        late_models.build_stanford,
        STANFORD,
        {"attend_to_mask_tokens": True},
        {"attends": True},
    ),
    "pylate": (late_models.build_pylate, PYLATE, {}, {}),
    "pylate-no-expansion": (
        late_models.build_pylate,
        PYLATE,
        {"do_query_expansion": False},
        {"expands": False},
    ),
    "pylate-attends": (
        late_models.build_pylate,
        PYLATE,
        {"attend_to_expansion_tokens": True},
        {"attends": True},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_score_is_the_mean_of_the_best_cosines(tmp_path: Path, layout: str) -> None:
    build, markers, stated, naively = LAYOUTS[layout]
    folder = build(tmp_path / "m", **stated)
    found = documents()
    expected = naive(folder, found, markers, **naively)

    model = TorchReranker(folder, device="cpu", batch_tokens=200)

    assert np.std(expected) > 0.005
    assert await scores(model, found) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_sentence_transformers_agrees(tmp_path: Path, layout: str) -> None:
    build, _, stated, _ = LAYOUTS[layout]
    folder = build(tmp_path / "m", **stated)
    found = documents()

    assert await scores(TorchReranker(folder, device="cpu"), found) == pytest.approx(
        reference(folder, found), abs=TOLERANCE
    )


async def test_what_sentence_transformers_saved_is_read(tmp_path: Path) -> None:
    folder, saved = late_models.build_pylate(tmp_path / "m"), tmp_path / "saved"
    MultiVectorEncoder(str(folder), device="cpu").save_pretrained(str(saved))
    found = documents()

    assert await scores(TorchReranker(saved, device="cpu"), found) == pytest.approx(
        reference(folder, found), abs=TOLERANCE
    )


async def test_the_encoders_own_vectors_are_compared_where_nothing_projects(tmp_path: Path) -> None:
    folder, saved = late_models.build_plain(tmp_path / "m"), tmp_path / "saved"
    MultiVectorEncoder(str(folder), device="cpu").save_pretrained(str(saved))
    found = documents()
    expected = reference(folder, found)

    assert np.std(expected) > 0.005
    for place in (folder, saved):
        assert await scores(TorchReranker(place, device="cpu"), found) == pytest.approx(
            expected, abs=TOLERANCE
        )


async def test_the_graph_that_is_written_of_the_weights_gives_the_same(tmp_path: Path) -> None:
    folder, found = late_models.build_plain(tmp_path / "m"), documents()
    expected = reference(folder, found)
    optimize(folder, folder, candidates=[Candidates(QUERY, tuple(found))] * 4)

    assert await scores(OnnxReranker(folder), found) == pytest.approx(expected, abs=TOLERANCE)


@with_exact_onnx_runtime
async def test_the_int8_graph_that_is_written_of_the_weights_ranks_the_same(tmp_path: Path) -> None:
    folder, found = late_models.build_plain(tmp_path / "m"), documents()
    expected = reference(folder, found)
    optimize(folder, folder, candidates=[Candidates(QUERY, tuple(found))] * 4)

    small = await scores(OnnxReranker(folder, precision="int8"), found)
    assert np.corrcoef(*(np.argsort(np.argsort(one)) for one in (small, expected)))[0, 1] > 0.9


async def test_scale_and_bias_make_a_probability_of_the_cosine(tmp_path: Path) -> None:
    folder, found = late_models.build_plain(tmp_path / "m", scale=25.0, bias=-15.0), documents()
    model = TorchReranker(folder, device="cpu")
    logits = [25 * cosine - 15 for cosine in reference(folder, found)]

    before = model.score_kind
    result = await rerank(model, QUERY, found)

    assert (before, result.score_kind, model.score_kind) == ("probability",) * 3
    told = {hit.index: (hit.metadata["logit"], hit.score) for hit in result}
    assert [told[at][0] for at in range(len(found))] == pytest.approx(logits, abs=25 * TOLERANCE)
    assert all(score == pytest.approx(1 / (1 + np.exp(-logit))) for logit, score in told.values())


async def test_tokens_count_by_the_lengths_of_their_vectors_where_the_files_say_so(tmp_path: Path) -> None:
    folder, found = late_models.build_plain(tmp_path / "m", query_weights="length"), documents()
    expected = reference_by_length(folder, found)
    optimize(folder, folder, candidates=[])

    assert expected != pytest.approx(reference(folder, found), abs=10 * TOLERANCE)
    for model in (TorchReranker(folder, device="cpu"), OnnxReranker(folder)):
        assert await scores(model, found) == pytest.approx(expected, abs=TOLERANCE)


async def test_a_scale_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = late_models.build_plain(tmp_path / "m", scale=-1.0, bias=0.0)
    with pytest.raises(ModelLoadError, match="scale"):
        await rerank(TorchReranker(folder, device="cpu"), QUERY, ["paris"])


async def test_a_query_beyond_its_length_is_cut_with_a_warning(tmp_path: Path) -> None:
    folder = late_models.build_stanford(tmp_path / "m")
    result = await rerank(TorchReranker(folder, device="cpu"), "paris " * 30, ["paris", "city"])

    assert [warning.type for warning in result.warnings] == ["query_truncated"]


async def test_a_missing_projection_is_refused(tmp_path: Path) -> None:
    folder = late_models.build_pylate(tmp_path / "m")
    (folder / "1_Dense/model.safetensors").unlink()
    with pytest.raises(ModelLoadError, match=r"1_Dense|projection"):
        await rerank(TorchReranker(folder, device="cpu"), QUERY, ["paris"])
