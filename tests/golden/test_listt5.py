"""ListT5 agrees with fusion-in-decoder and a tournament written out plainly, after the paper (arXiv 2402.15838).

The authors' own wrapper needs an older transformers, so a separate derivation stands in: each passage is encoded alone and
unpadded, the states are joined, and every token is written from the whole beginning, without a cache.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("transformers", reason="needs the extra `golden`")

import torch
from transformers import AutoTokenizer, T5ForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from localrank import InferenceError, InvalidRequestError, rerank
from localrank_transformers import Listwise, TorchReranker
from localrank_transformers.call.deadline import OutOfMemoryError
from localrank_transformers.engines.torch.listwise.fusion import FusionEngine
from localrank_transformers.families.listwise.listt5 import ListT5Prompt
from tests.support import t5_models
from tests.support.torch_models import texts

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

QUERY = "what is the capital of france"


class Naive:
    """The model on five passages at a time."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = T5ForConditionalGeneration.from_pretrained(folder).eval()

    def write(self, passages: list[str]) -> list[int]:
        states = []
        for place, passage in enumerate(passages):
            text = f"Query: {QUERY}, Index: {place + 1}, Context: {passage}"
            ids = self.tokenizer(text, return_tensors="pt")["input_ids"]
            with torch.no_grad():
                states.append(self.model.encoder(input_ids=ids).last_hidden_state)
        fused = BaseModelOutput(last_hidden_state=torch.cat(states, dim=1))
        written = [0]
        for _ in range(6):
            with torch.no_grad():
                output = self.model(encoder_outputs=fused, decoder_input_ids=torch.tensor([written]))
            written.append(int(output.logits[0, -1].argmax()))
            if written[-1] == 1:
                break
        return written[1:]

    def order(self, passages: list[str]) -> list[int]:
        """Places, most relevant first: the answer from its end, and then what it left out."""
        text = self.tokenizer.decode(
            [one for one in self.write(passages) if one != 1], skip_special_tokens=True
        )
        said = [int(word) - 1 for word in text.replace(",", " ").split() if word.isdigit()]
        found: list[int] = []
        for place in [*reversed(said), *range(5)]:
            if place in range(5) and place not in found:
                found.append(place)
        return found


def tournament(naive: Naive, documents: list[str], winners: int, best: int) -> list[int]:
    """The tournament from the start for each place; what a group came to is kept, as in the paper."""
    left, placed = list(range(len(documents))), []
    kept: dict[tuple[int, ...], list[int]] = {}

    def compare(group: list[int]) -> list[int]:
        if len(group) == 1:
            return group
        if tuple(group) in kept:
            return kept[tuple(group)]
        others = [index for index in reversed(left) if index not in group]
        shown = sorted(group + others[: 5 - len(group)])
        order = [shown[place] for place in naive.order([documents[index] for index in shown])]
        kept[tuple(group)] = [index for index in order if index in group]
        return kept[tuple(group)]

    while left and len(placed) < best:
        if len(left) <= 5:
            found = compare(left)
        else:
            round_ = [
                [index for index in range(start, min(start + 5, len(documents))) if index in left]
                for start in range(0, len(documents), 5)
            ]
            while len(round_) > 1:
                on = [
                    index
                    for group in round_
                    for index in sorted(compare(group)[:winners] if len(group) > winners else group)
                ]
                round_ = [on[start : start + 5] for start in range(0, len(on), 5)]
            found = compare(round_[0])[:1]
        placed += found
        left = [index for index in left if index not in found]
    return placed + left


def speaking(folder: Path) -> Path:
    """A model that writes places, and different ones for different passages: those tokens and what it reads count for more."""
    t5_models.build_t5(folder, tie_word_embeddings=False, initializer_factor=5.0)
    model = T5ForConditionalGeneration.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(str(place))["input_ids"][0] for place in range(1, 6)]
    with torch.no_grad():
        model.lm_head.weight *= 0.2
        model.lm_head.weight[ids] *= 25
        for block in model.decoder.block:
            block.layer[1].EncDecAttention.o.weight *= 4
    model.save_pretrained(folder)
    return folder


async def test_the_rows_are_those_of_the_authors_text(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    folder = t5_models.build_t5(tmp_path / "m")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    fast = [Tokenizer.from_file(str(folder / "tokenizer.json")) for _ in range(2)]
    prompt = ListT5Prompt(*fast, max_length=200)
    query = prompt.query(QUERY)
    passages = texts(5)

    rows = prompt.rows(query, prompt.documents(query, passages))

    assert rows == [
        tokenizer(f"Query: {QUERY}, Index: {place + 1}, Context: {passage}")["input_ids"]
        for place, passage in enumerate(passages)
    ]


async def test_settings_of_generative_models_are_refused(tmp_path: Path) -> None:
    folder = t5_models.build_t5(tmp_path / "m")
    model = TorchReranker(
        folder, device="cpu", family="listwise", template="listt5", listwise=Listwise(passes=2)
    )
    with pytest.raises(InvalidRequestError, match=r"Listwise\(passes=2\) is for generative models"):
        await rerank(model, QUERY, ["paris"])


@pytest.mark.parametrize("winners", [1, 2])
async def test_the_order_is_that_of_the_plain_tournament(tmp_path: Path, winners: Literal[1, 2]) -> None:
    folder = speaking(tmp_path / "m")
    documents = texts(17)
    naive = Naive(folder)
    expected = tournament(naive, documents, winners, best=10)
    model = TorchReranker(
        folder, device="cpu", family="listwise", listwise=Listwise(winners=winners), batch_tokens=400
    )

    result = await rerank(model, QUERY, documents)

    answers = {tuple(naive.order(random.Random(seed).sample(documents, 5))) for seed in range(12)}
    assert len(answers) > 5, "a model that always says the same proves nothing"
    assert expected != sorted(expected)
    assert [hit.index for hit in result] == expected
    assert [hit.score for hit in result] == [1 / rank for rank in range(1, 18)]
    assert result.score_kind == "ordinal"
    assert [warning.type for warning in result.warnings] == ["ordinal_scores"]


async def test_top_k_finds_the_same_best_with_less_work(tmp_path: Path) -> None:
    folder = speaking(tmp_path / "m")
    documents = texts(17)
    model = TorchReranker(folder, device="cpu", family="listwise")

    whole, three = [await rerank(model, QUERY, documents, top_k) for top_k in (None, 3)]

    assert [hit.index for hit in three] == [hit.index for hit in whole][:3]
    assert 0 < (three.usage.input_tokens or 0) < (whole.usage.input_tokens or 0)


async def test_no_comparison_is_computed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = speaking(tmp_path / "m")
    seen: list[str] = []
    write = FusionEngine.write

    def counted(self: FusionEngine, groups: list[list[list[int]]]) -> list[list[int]]:
        seen.extend(str(group) for group in groups)
        return write(self, groups)

    monkeypatch.setattr(FusionEngine, "write", counted)
    await rerank(TorchReranker(folder, device="cpu", family="listwise"), QUERY, texts(40))

    assert len(seen) == len(set(seen)) < 10 * (8 + 4 + 2)


async def test_a_prompt_for_other_files_is_refused(tmp_path: Path) -> None:
    folder = t5_models.build_t5(tmp_path / "m")
    model = TorchReranker(folder, device="cpu", family="listwise", template="rankgpt")
    with pytest.raises(InvalidRequestError, match="rankgpt"):
        await rerank(model, QUERY, ["paris"])


async def test_out_of_memory_halves_what_is_computed_at_once_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = speaking(tmp_path / "m")
    documents = texts(17)
    model = TorchReranker(folder, device="cpu", family="listwise", batch_tokens=10_000)
    expected = [hit.index for hit in await rerank(model, QUERY, documents)]
    write = FusionEngine.write

    def running_out(self: FusionEngine, groups: list[list[list[int]]]) -> list[list[int]]:
        if sum(len(row) for group in groups for row in group) > 400:
            raise OutOfMemoryError("tried to allocate 1 GiB")
        return write(self, groups)

    monkeypatch.setattr(FusionEngine, "write", running_out)
    roomy = TorchReranker(folder, device="cpu", family="listwise", batch_tokens=800)
    result = await rerank(roomy, QUERY, documents)

    assert [hit.index for hit in result] == expected
    assert [warning.type for warning in result.warnings] == ["ordinal_scores", "out_of_memory"]
    with pytest.raises(InferenceError, match="batch_tokens"):
        await rerank(model, QUERY, documents)
