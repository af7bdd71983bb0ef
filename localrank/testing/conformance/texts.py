"""Rules of the texts: anything a string can hold, and the caller's objects left alone."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from localrank.calling.rerank import rerank
from localrank.contract.errors import RerankError
from localrank.testing.conformance.bench import DOCUMENTS, QUERY, Bench, rule

__all__ = [
    "check_callers_objects_come_back",
    "check_emoji",
    "check_empty_text",
    "check_errors_belong_to_the_tree",
    "check_inputs_not_mutated",
    "check_long_and_empty_query",
    "check_other_scripts",
    "check_very_long_text",
]

_EMPTY = ("", " ", "\n\t ", DOCUMENTS[1])
_LONG = ("Paris is the capital of France. " * 4_000, "word" * 5_000, DOCUMENTS[2])
_SCRIPTS = (
    "巴黎是法国的首都。",
    "باريس هي عاصمة فرنسا.",
    "Париж — столица Франции.",
    "ปารีสเป็นเมืองหลวงของฝรั่งเศส",
    "पेरिस फ़्रांस की राजधानी है।",
    "파리는 프랑스의 수도이다.",
)
_EMOJI = ("🗼🇫🇷👩‍👩‍👧‍👦 Paris 🥐", "🎉" * 300, "e\u0301\u0301\u0301 \u200b\u202e\ufeff", DOCUMENTS[1])
_BROKEN = ("nul \x00 and bell \x07", "a lone surrogate \ud83d here", "\uffff\ufffe", DOCUMENTS[1])


async def _ranks_all(bench: Bench, documents: Sequence[str], query: str = QUERY) -> None:
    async with bench.model() as model:
        result = await rerank(model, query, documents, max_retries=0)
        bench.require(len(result) == len(documents), f"{len(documents)} results", len(result))


@rule
async def check_empty_text(bench: Bench) -> None:
    """Empty and blank documents stand below one with words."""
    await _ranks_all(bench, _EMPTY)
    async with bench.model() as model:
        first = (await rerank(model, QUERY, _EMPTY, max_retries=0))[0].index
        bench.require(first == _EMPTY.index(DOCUMENTS[1]), "the one text with words first", first)


@rule
async def check_very_long_text(bench: Bench) -> None:
    """Documents far beyond any model's window are ranked."""
    await _ranks_all(bench, _LONG)


@rule
async def check_other_scripts(bench: Bench) -> None:
    """Texts in other scripts are ranked."""
    await _ranks_all(bench, _SCRIPTS, "法国的首都是哪里？")


@rule
async def check_emoji(bench: Bench) -> None:
    """Emoji, joined characters and invisible ones are ranked."""
    await _ranks_all(bench, _EMOJI, "🗼?")


@rule
async def check_long_and_empty_query(bench: Bench) -> None:
    """A query beyond the window, and an empty one, still give a ranking, or an error of the tree."""
    for query in ("capital of France " * 2_000, ""):
        try:
            await _ranks_all(bench, DOCUMENTS, query)
        except RerankError:
            continue


@rule
async def check_errors_belong_to_the_tree(bench: Bench) -> None:
    """Text that no tokenizer likes is ranked, or refused with a `RerankError`, and the model works afterwards."""
    async with bench.model() as model:
        before = await bench.scores(model, DOCUMENTS)
        for documents, query in ((_BROKEN, QUERY), (DOCUMENTS, "a lone surrogate \udc00")):
            try:
                await rerank(model, query, documents, max_retries=0)
            except RerankError:
                continue
            except Exception as error:
                bench.fail("a ranking or a RerankError for odd text", f"{type(error).__name__}: {error}")
        bench.require_same(before, await bench.scores(model, DOCUMENTS), "after a refused call")


@rule
async def check_inputs_not_mutated(bench: Bench) -> None:
    """Documents, options and headers are the same after the call."""
    documents = [{"text": text, "tags": ["a"]} for text in DOCUMENTS]
    options, headers = {"conformance-kit": {"nested": [1]}}, {"x-request": "1"}
    before = copy.deepcopy((documents, options, headers))
    async with bench.model() as model:
        await rerank(model, QUERY, documents, headers=headers, provider_options=options, max_retries=0)
    bench.require(before == (documents, options, headers), "arguments left as they were", "a change")


@rule
async def check_callers_objects_come_back(bench: Bench) -> None:
    """Each result carries the caller's own object, the text that was scored, and the index of both."""
    documents = [{"text": text} for text in DOCUMENTS]
    async with bench.model() as model:
        for hit in await rerank(model, QUERY, documents, max_retries=0):
            same = hit.document is documents[hit.index] and hit.text == DOCUMENTS[hit.index]
            bench.require(same, "the caller's own object at its index", repr(hit))
