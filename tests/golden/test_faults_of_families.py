"""The comparisons of monoT5, ListT5, listwise models and late interaction would notice their classic faults: each is put in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")

from localrank_transformers.call.contract import Row
from localrank_transformers.engines.torch.listwise import fusion, generation
from localrank_transformers.engines.torch.pointwise.seq2seq import Seq2SeqEngine
from localrank_transformers.families.late.tokens import LateQueryTokens, LateTokenizer
from localrank_transformers.families.listwise import ordering
from localrank_transformers.families.listwise.listt5 import most_relevant_first
from tests.golden import test_late_interaction, test_listt5, test_listwise, test_seq2seq
from tests.support.faults import Comparison, Fault, check_noticed, marker_left_out, punctuation_compared

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


def false_for_true(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Seq2SeqEngine.run
    monkeypatch.setattr(Seq2SeqEngine, "run", lambda self, rows: run(self, rows)[:, ::-1])


def no_end_token(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Seq2SeqEngine.run
    monkeypatch.setattr(
        Seq2SeqEngine,
        "run",
        lambda self, rows: run(self, [Row(row.ids[:-1], row.types[:-1]) for row in rows]),
    )


def answer_read_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(answer: str) -> tuple[list[int], bool]:
        return most_relevant_first(" ".join(reversed(answer.split())))

    monkeypatch.setattr(fusion, "most_relevant_first", read)


def left_out_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def repaired(found: Sequence[int], count: int) -> list[int]:
        order = ordering.repaired(found, count)
        named = len(set(found) & set(range(count)))
        return order[:named] + order[named:][::-1]

    monkeypatch.setattr(generation, "repaired", repaired)


def windows_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = ordering.windows
    monkeypatch.setattr(
        ordering, "windows", lambda count, **settings: list(reversed(windows(count, **settings)))
    )


def expansion_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    query = LateTokenizer.query

    def cut(self: LateTokenizer, text: str) -> LateQueryTokens:
        made = query(self, text)
        seen = int(made.attended.sum())
        return LateQueryTokens(made.ids[:seen], made.attended[:seen], made.truncated)

    monkeypatch.setattr(LateTokenizer, "query", cut)


async def monot5(tmp_path: Path) -> None:
    await test_seq2seq.test_monot5(tmp_path, tied=False)


async def tournament(tmp_path: Path) -> None:
    await test_listt5.test_the_order_is_that_of_the_plain_tournament(tmp_path, 2)


async def loop(tmp_path: Path) -> None:
    await test_listwise.test_the_order_is_that_of_the_plain_loop(
        tmp_path, "rank-zephyr", test_listwise.rank_llm_messages
    )


async def cosines(tmp_path: Path) -> None:
    await test_late_interaction.test_a_score_is_the_mean_of_the_best_cosines(tmp_path, "stanford")


PAIRS = [
    (false_for_true, monot5),
    (no_end_token, monot5),
    (answer_read_from_its_beginning, tournament),
    (left_out_in_another_order, loop),
    (windows_from_the_beginning, loop),
    (punctuation_compared, cosines),
    (expansion_left_out, cosines),
    (marker_left_out, cosines),
]


@pytest.mark.parametrize(("fault", "comparison"), PAIRS, ids=lambda one: one.__name__)
async def test_a_fault_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, comparison: Comparison
) -> None:
    await check_noticed(tmp_path, monkeypatch, fault, comparison)
