"""The prompts of generative listwise rerankers as data, and the conversation that one window makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from localrank_transformers.families.listwise.chat import Message

__all__ = ["LIST_TEMPLATES", "ListTemplate", "conversation", "label"]


@dataclass(frozen=True, slots=True)
class ListTemplate:
    """One prompt. `{num}`, `{query}`, `{kind}` and `{example}` are filled in.

    Attributes:
        system: The system message.
        before: What comes before the passages.
        after: What comes after them.
        example: An order, as places.
        turns: Whether each passage is a turn of its own that the assistant acknowledges; else all are one message.
        source: Where the prompt is published.
    """

    system: str
    before: str
    after: str
    example: tuple[int, int]
    turns: bool
    source: str


_RANK_GPT = ListTemplate(
    system="You are RankGPT, an intelligent assistant that can rank passages based on their relevancy to the query.",
    before="I will provide you with {num} passages, each indicated by {kind} identifier []. \nRank the passages based on their "
    "relevance to query: {query}.",
    after="Search Query: {query}. \nRank the {num} passages above based on their relevance to the search query. The passages "
    "should be listed in descending order using identifiers. The most relevant passages should be listed first. The output "
    "format should be [] > [], e.g., {example}. Only response the ranking results, do not say any word or explain.",
    example=(0, 1),
    turns=True,
    source="https://arxiv.org/abs/2304.09542; https://github.com/sunnweiwei/RankGPT",
)

_RANK_LLM_BEFORE = (
    "I will provide you with {num} passages, each indicated by a {kind} identifier []. Rank the passages based on their "
    "relevance to the search query: {query}.\n\n"
)
_RANK_LLM_AFTER = (
    "Search Query: {query}.\nRank the {num} passages above based on their relevance to the search query. All the passages "
    "should be included and listed using identifiers, in descending order of relevance. The output format should be "
    "[] > [], e.g., {example}, Answer concisely and directly and only respond with the ranking results, do not say any word "
    "or explain."
)
_RANK_LLM_SYSTEM = (
    "You are RankLLM, an intelligent assistant that can rank passages based on their relevancy to the query"
)

_RANK_ZEPHYR = ListTemplate(
    system=_RANK_LLM_SYSTEM,
    before=_RANK_LLM_BEFORE,
    after=_RANK_LLM_AFTER,
    example=(1, 0),
    turns=False,
    source="https://arxiv.org/abs/2312.02724; https://github.com/castorini/rank_llm",
)

_RANK_VICUNA = ListTemplate(
    system=f"{_RANK_LLM_SYSTEM}.",
    before=_RANK_LLM_BEFORE,
    after=_RANK_LLM_AFTER,
    example=(3, 1),
    turns=False,
    source="https://arxiv.org/abs/2309.15088; https://github.com/castorini/rank_llm",
)

LIST_TEMPLATES: Mapping[str, ListTemplate] = MappingProxyType(
    {"rankgpt": _RANK_GPT, "rank-zephyr": _RANK_ZEPHYR, "rank-vicuna": _RANK_VICUNA}
)
"""By the name that the catalogue and `TorchReranker(template=…)` use."""

_NUMBER_IN_BRACKETS = re.compile(r"\[([0-9]+)\]")


def label(place: int, *, letters: bool) -> str:
    """Return the identifier of the passage at `place`: 1, 2, 3 or A, B, C."""
    return chr(ord("A") + place) if letters else str(place + 1)


def conversation(
    template: ListTemplate, query: str, passages: Sequence[str], *, letters: bool
) -> list[Message]:
    """Return what the model is asked about one window.

    A number in brackets within a text becomes one in parentheses, so that it is not taken for a passage's identifier.
    """
    values = {
        "{num}": str(len(passages)),
        "{query}": _plain(query),
        "{kind}": _kind(template, letters=letters),
        "{example}": " > ".join(f"[{label(place, letters=letters)}]" for place in template.example),
    }
    before, after = _filled(template.before, values), _filled(template.after, values)
    listed = [f"[{label(place, letters=letters)}] {_plain(text)}" for place, text in enumerate(passages)]
    system = Message("system", template.system)
    if not template.turns:
        lines = "".join(f"{one}\n" for one in listed)
        return [system, Message("user", f"{before}{lines}{after}")]
    turns = [
        turn
        for place, one in enumerate(listed)
        for turn in (
            Message("user", one),
            Message("assistant", f"Received passage [{label(place, letters=letters)}]."),
        )
    ]
    opening = [Message("user", before), Message("assistant", "Okay, please provide the passages.")]
    return [system, *opening, *turns, Message("user", after)]


def _kind(template: ListTemplate, *, letters: bool) -> str:
    if letters:
        return "alphabetical"
    return "number" if template.turns else "numerical"


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Fill in all at once: a query may hold braces."""
    return re.sub(r"\{\w+\}", lambda found: values.get(found[0], found[0]), text)


def _plain(text: str) -> str:
    return _NUMBER_IN_BRACKETS.sub(r"(\1)", text)
