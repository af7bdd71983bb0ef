"""Scores of causal rerankers agree with the recipes that their authors publish, run on the same weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")

import torch
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder
from transformers import AutoModelForCausalLM, AutoTokenizer

from localrank import rerank
from localrank_transformers import TorchReranker
from localrank_transformers.engines.torch.pointwise.causal import CausalEngine
from tests.support import causal_models
from tests.support.causal_models import sentences

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

TOLERANCE = 1e-4
QUERY = "what is the capital of france"
DEFAULT_TASK = "Given a web search query, retrieve relevant passages that answer the query"


async def logits(model: TorchReranker, documents: list[str], **options: Any) -> list[float]:
    result = await rerank(model, QUERY, documents, **options)
    return [hit.metadata["logit"] for hit in sorted(result, key=lambda hit: hit.index)]


def last_logits(folder: Path, rows: list[list[int]]) -> torch.Tensor:
    """Run the model on left-padded rows, as the cards do, and return the logits of the last position."""
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    batch = tokenizer.pad({"input_ids": rows}, padding=True, return_tensors="pt")
    with torch.no_grad():
        return AutoModelForCausalLM.from_pretrained(folder).eval()(**batch).logits[:, -1].double()


def qwen3_parts(
    folder: Path, document: str, task: str = DEFAULT_TASK
) -> tuple[list[int], list[int], list[int]]:
    """The prompt of the Qwen3-Reranker card, cut where the document begins and where it ends."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prefix = (
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
        'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
    )
    suffix = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    start = f"<Instruct>: {task}\n<Query>: {QUERY}\n<Document>:"
    pair, before = ids(f"{start} {document}"), len(ids(start))
    return ids(prefix) + pair[:before], pair[before:], ids(suffix)


def answers(folder: Path) -> list[int]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return [tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no")]


def qwen3(folder: Path, documents: list[str], task: str = DEFAULT_TASK) -> torch.Tensor:
    """The recipe of the Qwen3-Reranker card."""
    rows = [
        [*head, *body, *tail] for head, body, tail in (qwen3_parts(folder, text, task) for text in documents)
    ]
    found = last_logits(folder, rows)
    yes, no = answers(folder)
    return found[:, yes] - found[:, no]


def mxbai(folder: Path, documents: list[str], instruction: str | None = None) -> torch.Tensor:
    """The recipe of the mxbai-rerank package."""
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    system = (
        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
    )
    task = (
        "You are a search relevance expert who evaluates how well documents match search queries. For each "
        "query-document pair, carefully analyze the semantic relationship between them, then provide your binary "
        "relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:"
    )
    query = f"query: {QUERY}" if instruction is None else f"instruction: {instruction}\nquery: {QUERY}"
    tail = ids("\n") + ids(task) + ids("<|im_end|>\n<|im_start|>assistant\n")
    rows = [ids(system) + ids(query) + ids("\n") + ids(f"document: {text}") + tail for text in documents]
    found = last_logits(folder, rows)
    one, zero = (tokenizer.convert_tokens_to_ids(word) for word in "10")
    return found[:, one] - found[:, zero]


def bge_rows(folder: Path, documents: list[str]) -> list[list[int]]:
    """The prompts of FlagEmbedding's LLM rerankers."""
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    prompt = (
        "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing "
        "a prediction of either 'Yes' or 'No'."
    )
    head = [tokenizer.bos_token_id, *ids(f"A: {QUERY}"), *ids("\n")]
    return [[*head, *ids(f"B: {text}"), *ids("\n"), *ids(prompt)] for text in documents]


def minicpm(folder: Path, row: list[int], layer: int) -> float:
    """MiniCPM up to `layer` and that layer's head, written out for one unpadded row (after the model's own code)."""
    weights = {name: value.double() for name, value in load_file(folder / "model.safetensors").items()}
    width, heads, layers, first = 32, 4, 4, 2

    def norm(values: torch.Tensor, name: str) -> torch.Tensor:
        return values * torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + 1e-5) * weights[name]

    size = width // heads
    angles = torch.outer(torch.arange(len(row)).double(), 10000.0 ** (-torch.arange(0, size, 2) / size))
    cosine, sine = torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin()

    def turned(values: torch.Tensor) -> torch.Tensor:
        half = size // 2
        return values * cosine + torch.cat([-values[..., half:], values[..., :half]], -1) * sine

    hidden = weights["model.embed_tokens.weight"][row] * 3.0
    mask = torch.full((len(row), len(row)), -math.inf).triu(1)
    scale = 1.4 / math.sqrt(layers)
    for at in (f"model.layers.{number}." for number in range(layer)):
        normed = norm(hidden, f"{at}input_layernorm.weight")
        query, key, value = (
            (normed @ weights[f"{at}self_attn.{name}_proj.weight"].T).view(-1, heads, size).transpose(0, 1)
            for name in "qkv"
        )
        attention = torch.softmax(turned(query) @ turned(key).transpose(1, 2) / math.sqrt(size) + mask, -1)
        mixed = (attention @ value).transpose(0, 1).reshape(-1, width)
        hidden = hidden + scale * (mixed @ weights[f"{at}self_attn.o_proj.weight"].T)
        normed = norm(hidden, f"{at}post_attention_layernorm.weight")
        gate, up = (normed @ weights[f"{at}mlp.{name}_proj.weight"].T for name in ("gate", "up"))
        hidden = hidden + scale * (
            (torch.nn.functional.silu(gate) * up) @ weights[f"{at}mlp.down_proj.weight"].T
        )
    last = norm(hidden[-1], "model.norm.weight")
    return float(last @ weights[f"lm_head.{layer - first}.linear_head.weight"][0])


async def test_qwen3_agrees_with_its_card(tmp_path: Path) -> None:
    folder = causal_models.build_qwen3(tmp_path / "qwen3")
    documents = sentences(20)
    expected = qwen3(folder, documents)

    found = await logits(TorchReranker(folder, device="cpu", batch_tokens=300), documents)

    assert expected.std() > 0.05
    assert found == pytest.approx(expected.tolist(), abs=TOLERANCE)


async def test_qwen3_agrees_with_sentence_transformers(tmp_path: Path) -> None:
    folder = causal_models.build_qwen3(tmp_path / "qwen3")
    documents = sentences(12)
    reference = CrossEncoder(str(folder), device="cpu")
    pairs = [(QUERY, document) for document in documents]
    expected = reference.predict(pairs, activation_fn=torch.nn.Identity())

    found = await logits(TorchReranker(folder, device="cpu"), documents)

    assert found == pytest.approx(expected.tolist(), abs=TOLERANCE)


async def test_the_score_is_the_share_of_yes(tmp_path: Path) -> None:
    folder = causal_models.build_qwen3(tmp_path / "qwen3")
    documents = sentences(6)
    expected = torch.sigmoid(qwen3(folder, documents)).tolist()

    result = await rerank(TorchReranker(folder, device="cpu"), QUERY, documents)

    assert {hit.index: hit.score for hit in result} == pytest.approx(dict(enumerate(expected)), abs=TOLERANCE)


async def test_an_instruction_of_the_call_goes_before_that_of_the_model(tmp_path: Path) -> None:
    folder = causal_models.build_qwen3(tmp_path / "qwen3")
    documents = sentences(6)
    model = TorchReranker(folder, device="cpu", instruction="find the pasta")

    assert await logits(model, documents) == pytest.approx(
        qwen3(folder, documents, "find the pasta").tolist(), abs=TOLERANCE
    )
    assert await logits(model, documents, instruction="find the city") == pytest.approx(
        qwen3(folder, documents, "find the city").tolist(), abs=TOLERANCE
    )


@pytest.mark.parametrize("instruction", [None, "find the pasta {query}"])
async def test_mxbai_v2(tmp_path: Path, instruction: str | None) -> None:
    folder = causal_models.build_qwen2(tmp_path / "mxbai")
    documents = sentences(20)
    expected = mxbai(folder, documents, instruction)
    model = TorchReranker(folder, device="cpu", family="causal", template="mxbai-v2")

    found = await logits(model, documents, instruction=instruction)

    assert expected.std() > 0.05
    assert found == pytest.approx(expected.tolist(), abs=TOLERANCE)


@pytest.mark.parametrize("build", [causal_models.build_gemma, causal_models.build_gemma2])
async def test_bge_gemma(tmp_path: Path, build: Callable[[Path], Path]) -> None:
    folder = build(tmp_path / "gemma")
    documents = sentences(20)
    yes = AutoTokenizer.from_pretrained(folder)("Yes", add_special_tokens=False)["input_ids"][0]
    expected = last_logits(folder, bge_rows(folder, documents))[:, yes]
    model = TorchReranker(folder, device="cpu", family="causal", template="bge-yes")

    found = await logits(model, documents)

    assert expected.std() > 0.05
    assert found == pytest.approx(expected.tolist(), abs=TOLERANCE)


@pytest.mark.parametrize("layer", [2, 3, None])
async def test_bge_layerwise(tmp_path: Path, layer: int | None) -> None:
    folder = causal_models.build_layerwise(tmp_path / "layerwise")
    documents = sentences(8)
    expected = [minicpm(folder, row, layer or 4) for row in bge_rows(folder, documents)]

    found = await logits(TorchReranker(folder, device="cpu", layer=layer), documents)

    assert torch.tensor(expected).std() > 0.05
    assert found == pytest.approx(expected, abs=TOLERANCE)


async def test_a_long_document_loses_its_end_and_the_prompt_keeps_its_own(tmp_path: Path) -> None:
    folder = causal_models.build_qwen3(tmp_path / "qwen3")
    head, document, tail = qwen3_parts(folder, "paris city " * 400)
    kept = document[: 250 - len(head) - len(tail)]
    found = last_logits(folder, [head + kept + tail])
    yes, no = answers(folder)
    expected = (found[:, yes] - found[:, no]).item()

    [hit] = await rerank(TorchReranker(folder, device="cpu", max_length=250), QUERY, ["paris city " * 400])

    assert len(kept) < len(document)
    assert hit.truncated
    assert hit.metadata["logit"] == pytest.approx(expected, abs=TOLERANCE)


async def test_what_all_documents_begin_with_is_computed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = causal_models.build_qwen3(tmp_path / "qwen3")
    model = TorchReranker(folder, device="cpu", batch_tokens=60)
    await model.warm_up()
    lengths: list[tuple[str, int]] = []
    prefix, logits_of = CausalEngine.prefix, CausalEngine.logits

    def note_prefix(self: CausalEngine, ids: Any) -> Any:
        lengths.append(("prefix", len(ids)))
        return prefix(self, ids)

    def note_rows(self: CausalEngine, shared: Any, rows: Any) -> Any:
        lengths.extend(("row", len(row)) for row in rows)
        return logits_of(self, shared, rows)

    monkeypatch.setattr(CausalEngine, "prefix", note_prefix)
    monkeypatch.setattr(CausalEngine, "logits", note_rows)
    documents = sentences(12)
    result = await rerank(model, QUERY, documents)

    shared = [length for kind, length in lengths if kind == "prefix"]
    rows = [length for kind, length in lengths if kind == "row"]
    assert shared == [len(qwen3_parts(folder, "x")[0])]
    assert len(rows) == 12
    assert result.usage.input_tokens == 12 * shared[0] + sum(rows)
