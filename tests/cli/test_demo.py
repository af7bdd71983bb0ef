from __future__ import annotations

import json

from tests.support.shell import localrank


def test_the_demo_puts_both_right_texts_first() -> None:
    done = localrank("demo", "--json")

    assert done.code == 0
    assert [json.loads(line)["index"] for line in done.out.splitlines()][:2] == [2, 4]


def test_the_demo_shows_before_after_and_the_time() -> None:
    done = localrank("demo", HF_HUB_OFFLINE="1", COLUMNS="100")
    before, after = done.out.split("After: ranked by localrank-mini in ")

    assert "Query: How does retrieval-augmented generation work?" in before
    assert before.index("Karachi") < before.index("Retrieval-augmented generation first")
    assert after.index("Retrieval-augmented generation first") < after.index("Karachi")
    assert " ms" in after.splitlines()[0]
    assert "\x1b" not in done.out
    assert all(line == line.rstrip() for line in done.out.splitlines())


def test_the_demo_runs_with_another_model() -> None:
    done = localrank("demo", "--model", "lexical:default")

    assert done.code == 0
    assert "After: ranked by default in" in done.out


def test_signs_that_the_encoding_lacks_have_a_like_in_ascii() -> None:
    done = localrank("demo", "--model", "lexical:default", COLUMNS="60", PYTHONIOENCODING="ascii")
    _, after = done.out.split("After: ")

    assert done.code == 0
    assert "^" in after
    assert "~\n" in after
    assert "?" not in after
