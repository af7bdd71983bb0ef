"""Generative listwise rerankers agree with RankGPT's loop written out plainly, run with `generate` on the same weights."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("transformers", reason="needs the extra `golden`")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from localrank import InvalidRequestError, ModelLoadError, RerankAbortedError, rerank
from localrank_transformers import Listwise, TorchReranker
from localrank_transformers.engines.torch.listwise.generation import GenerativeEngine
from tests.support import chat_models
from tests.support.chat_models import build_chat
from tests.support.torch_models import texts

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

QUERY = "what is the capital of france"


def ask(folder: Path, messages: list[dict[str, str]], count: int) -> str:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
    plain = " > ".join(f"[{place}]" for place in range(1, count + 1))
    longest = len(tokenizer(plain, add_special_tokens=False)["input_ids"]) + 8
    written = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        max_new_tokens=longest,
        do_sample=False,
    )
    answer: str = tokenizer.decode(written[0][inputs["input_ids"].shape[1] :])
    return answer


def rank_gpt_messages(passages: list[str]) -> list[dict[str, str]]:
    num = len(passages)
    messages = [
        {
            "role": "system",
            "content": "You are RankGPT, an intelligent assistant that can rank passages based on their relevancy to the "
            "query.",
        },
        {
            "role": "user",
            "content": f"I will provide you with {num} passages, each indicated by number identifier []. \nRank the passages "
            f"based on their relevance to query: {QUERY}.",
        },
        {"role": "assistant", "content": "Okay, please provide the passages."},
    ]
    for rank, text in enumerate(passages, 1):
        messages.append({"role": "user", "content": f"[{rank}] {' '.join(text.split()[:300])}"})
        messages.append({"role": "assistant", "content": f"Received passage [{rank}]."})
    messages.append(
        {
            "role": "user",
            "content": f"Search Query: {QUERY}. \nRank the {num} passages above based on their relevance to the search query. "
            "The passages should be listed in descending order using identifiers. The most relevant passages should be listed "
            "first. The output format should be [] > [], e.g., [1] > [2]. Only response the ranking results, do not say any "
            "word or explain.",
        }
    )
    return messages


def rank_llm_messages(passages: list[str]) -> list[dict[str, str]]:
    num = len(passages)
    listed = "".join(f"[{rank}] {' '.join(text.split())}\n" for rank, text in enumerate(passages, 1))
    content = (
        f"I will provide you with {num} passages, each indicated by a numerical identifier []. Rank the passages based on "
        f"their relevance to the search query: {QUERY}.\n\n{listed}Search Query: {QUERY}.\nRank the {num} passages above "
        "based on their relevance to the search query. All the passages should be included and listed using identifiers, in "
        "descending order of relevance. The output format should be [] > [], e.g., [2] > [1], Answer concisely and directly "
        "and only respond with the ranking results, do not say any word or explain."
    )
    system = "You are RankLLM, an intelligent assistant that can rank passages based on their relevancy to the query"
    return [{"role": "system", "content": system}, {"role": "user", "content": content}]


def naive(folder: Path, documents: list[str], messages: Any, *, window: int, stride: int) -> list[int]:
    """RankGPT's sliding windows, from the end, with its way of mending an answer."""
    order = list(range(len(documents)))
    end, start = len(order), len(order) - window
    while True:
        start = max(start, 0)
        part = order[start:end]
        answer = ask(folder, messages([documents[index] for index in part]), len(part))
        numbers = re.findall(r"\[\s*([0-9]+)\s*\]", answer) or re.findall(r"[0-9]+", answer)
        places: list[int] = []
        for place in [*(int(number) - 1 for number in numbers), *range(len(part))]:
            if place in range(len(part)) and place not in places:
                places.append(place)
        order[start:end] = [part[place] for place in places]
        if start == 0:
            return order
        end, start = end - stride, start - stride


@pytest.mark.parametrize(
    ("template", "messages"), [("rankgpt", rank_gpt_messages), ("rank-zephyr", rank_llm_messages)]
)
async def test_the_order_is_that_of_the_plain_loop(tmp_path: Path, template: str, messages: Any) -> None:
    folder = build_chat(tmp_path / "m")
    documents = texts(14)
    expected = naive(folder, documents, messages, window=6, stride=3)
    model = TorchReranker(
        folder, device="cpu", family="listwise", template=template, listwise=Listwise(window=6, stride=3)
    )

    result = await rerank(model, QUERY, documents)

    assert expected != sorted(expected)
    assert [hit.index for hit in result] == expected
    assert [hit.score for hit in result] == [1 / rank for rank in range(1, 15)]
    assert result.score_kind == "ordinal"
    assert not model.scores_comparable
    assert [warning.type for warning in result.warnings] == ["ordinal_scores"]


async def test_the_first_token_mode_orders_by_the_logits_of_the_letters(tmp_path: Path) -> None:
    folder = build_chat(tmp_path / "m")
    documents = texts(8)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    system, user = rank_llm_messages(documents)
    content = user["content"].replace("a numerical", "a alphabetical").replace("[2] > [1]", "[B] > [A]")
    for place in range(8):
        content = content.replace(f"\n[{place + 1}] ", f"\n[{'ABCDEFGH'[place]}] ")
    prompt = tokenizer.apply_chat_template(
        [system, {**user, "content": content}], tokenize=False, add_generation_prompt=True
    )
    ids = tokenizer(f"{prompt}[", add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(folder).eval()(input_ids=ids).logits[0, -1]
    letters = [tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in "ABCDEFGH"]
    expected = torch.argsort(logits[letters], descending=True).tolist()
    model = TorchReranker(
        folder,
        device="cpu",
        family="listwise",
        template="rank-zephyr",
        listwise=Listwise(answer="first-token"),
    )

    result = await rerank(model, QUERY, documents)

    assert expected != sorted(expected)
    assert [hit.index for hit in result] == expected


async def test_a_template_without_a_system_message_gets_it_with_the_first_turn(tmp_path: Path) -> None:
    folder = build_chat(tmp_path / "m", chat_models.NO_SYSTEM)
    documents = texts(5)

    def folded(passages: list[str]) -> list[dict[str, str]]:
        system, user = rank_llm_messages(passages)
        return [{"role": "user", "content": f"{system['content']}\n\n{user['content']}"}]

    expected = naive(folder, documents, folded, window=5, stride=3)
    model = TorchReranker(folder, device="cpu", family="listwise", template="rank-zephyr")

    assert [hit.index for hit in await rerank(model, QUERY, documents)] == expected


async def test_passages_that_do_not_fit_together_lose_their_ends(tmp_path: Path) -> None:
    folder = build_chat(tmp_path / "m")
    model = TorchReranker(folder, device="cpu", family="listwise", max_length=900)
    documents = ["paris " * 290, "city", "port " * 290]

    result = await rerank(model, QUERY, documents)

    assert {hit.index for hit in result if hit.truncated} == {0, 2}
    assert [warning.type for warning in result.warnings] == ["ordinal_scores", "documents_truncated"]


async def test_a_window_that_cannot_fit_is_refused_with_the_mend(tmp_path: Path) -> None:
    model = TorchReranker(build_chat(tmp_path / "m"), device="cpu", family="listwise", max_length=200)
    with pytest.raises(InvalidRequestError, match="window"):
        await rerank(model, QUERY, texts(20))


class SetAfter:
    """A token that an answer sets."""

    def __init__(self) -> None:
        self.answers = 0
        self.limit = 10**6

    def is_set(self) -> bool:
        return self.answers >= self.limit


async def test_an_abort_leaves_before_the_next_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = SetAfter()
    write = GenerativeEngine.write

    def counted(self: GenerativeEngine, ids: Any, longest: int) -> list[int]:
        written = write(self, ids, longest)
        token.answers += 1
        return written

    monkeypatch.setattr(GenerativeEngine, "write", counted)
    model = TorchReranker(
        build_chat(tmp_path / "m"), device="cpu", family="listwise", listwise=Listwise(window=4, stride=2)
    )
    token.limit = 2

    with pytest.raises(RerankAbortedError):
        await rerank(model, QUERY, texts(12), abort_event=token)

    assert token.answers == 2


async def test_a_deadline_gives_the_best_order_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build_chat(tmp_path / "m")
    settings = Listwise(window=4, stride=2)
    model = TorchReranker(folder, device="cpu", family="listwise", listwise=settings)
    whole = await rerank(model, QUERY, texts(12))
    write = GenerativeEngine.write
    answers: list[int] = []

    def late(self: GenerativeEngine, ids: Any, longest: int) -> list[int]:
        written = write(self, ids, longest)
        answers.append(1)
        if len(answers) == 2:
            monkeypatch.setattr("localrank_transformers.call.deadline.Watch.is_late", lambda _watch: True)
        return written

    monkeypatch.setattr(GenerativeEngine, "write", late)
    result = await rerank(model, QUERY, texts(12), deadline=60)

    assert len(answers) == 2
    assert sorted(hit.index for hit in result) == list(range(12))
    assert [hit.index for hit in result][:6] == list(range(6)), "windows go from the end"
    assert [hit.index for hit in result] != [hit.index for hit in whole]
    assert [warning.type for warning in result.warnings] == ["ordinal_scores", "deadline_exceeded"]


async def test_settings_of_another_family_are_refused(tmp_path: Path) -> None:
    folder = build_chat(tmp_path / "m")
    with pytest.raises(InvalidRequestError, match="listwise"):
        await rerank(
            TorchReranker(folder, device="cpu", family="causal", template="qwen3", listwise=Listwise()),
            QUERY,
            ["paris"],
        )
    with pytest.raises(InvalidRequestError, match=r"Listwise\(best=3\) is for ListT5"):
        await rerank(
            TorchReranker(folder, device="cpu", family="listwise", listwise=Listwise(best=3)),
            QUERY,
            ["paris"],
        )
    with pytest.raises(ModelLoadError, match="family="):
        await rerank(TorchReranker(folder, device="cpu"), QUERY, ["paris"])
