"""Lists with one right candidate, of passages in several languages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks.embedded.multilingual.lists import of_headings, of_headings_across, of_people
from benchmarks.embedded.multilingual.texts import is_apart

ANIMALS = ("Hund", "Katze", "Pferd", "Schwein", "Esel", "Ziege", "Huhn", "Ente")


def written(path: Path, records: Sequence[Mapping[str, object]]) -> Path:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
    return path


@pytest.fixture
def passages(tmp_path: Path) -> Path:
    """German and English pages of two passages, of which some are kept apart; a heading that all pages have."""
    records = []
    for at in range(400):
        animal = f"{ANIMALS[at % len(ANIMALS)]}{at}"
        page = f"help/{at}.html"
        records += [
            {
                "language": "de",
                "group": f"{page}/0",
                "heading": f"Vom Wesen: {animal}",
                "text": f"Der {animal} frisst im Stall.",
            },
            {
                "language": "de",
                "group": f"{page}/1",
                "heading": "Siehe auch das",
                "text": f"Mehr von {animal}.",
            },
            {
                "language": "en",
                "group": f"{page}/0",
                "heading": f"About the {animal}",
                "text": f"The {animal} eats in its stable.",
            },
        ]
    records.append(
        {"language": "de", "group": "help/x.html/0", "heading": "About the Hund0", "text": "nicht übersetzt"}
    )
    return written(tmp_path / "passages.jsonl.gz", records)


@pytest.mark.parametrize("apart", [False, True])
def test_a_heading_of_one_page_alone_has_its_passage_and_the_nearest_of_other_pages(
    passages: Path, apart: bool
) -> None:
    texts = {}
    for line in gzip.decompress(passages.read_bytes()).decode().splitlines():
        record = json.loads(line)
        texts[record["text"]] = record
    lists = [one for one in of_headings(passages, lists=5, candidates=4, apart=apart) if one.language == "de"]
    assert len(lists) == 5
    for one in lists:
        right = texts[one.documents[one.right]]
        assert one.query == right["heading"] != "Siehe auch das"
        assert is_apart(right["group"]) == apart
        pages = [texts[text]["group"].rpartition("/")[0] for text in one.documents]
        assert pages.count(right["group"].rpartition("/")[0]) == 1
        assert len(set(one.documents)) == 4


def test_a_heading_stands_over_the_passages_of_another_language_that_are_near_its_own_there(
    passages: Path,
) -> None:
    lists = list(of_headings_across(passages, lists=3, candidates=4))
    assert [one.language for one in lists] == ["de → en"] * 3
    for one in lists:
        animal = one.query.rpartition(" ")[2]
        assert one.documents[one.right] == f"The {animal} eats in its stable."


def test_where_there_are_few_headings_a_first_sentence_stands_over_what_follows_it(tmp_path: Path) -> None:
    records = [
        {
            "language": "ja",
            "group": f"tldr/pages.ja/{at}",
            "heading": None,
            "text": f"これは説明の第{at}番である。" + f"そして続きの文が{at}ここにある。" * 9,
        }
        for at in range(30)
    ]
    path = written(tmp_path / "passages.jsonl.gz", records)
    lists = list(of_headings(path, lists=4, candidates=5, apart=True))
    assert len(lists) == 4
    for one in lists:
        assert one.query.startswith("これは説明の第")
        assert one.query not in one.documents[one.right]
        assert one.query.partition("第")[2].partition("番")[0] in one.documents[one.right]


def test_questions_of_people_are_of_the_groups_asked_for(tmp_path: Path) -> None:
    common = {"source": "s", "licence": "CC0"}
    records = [
        {
            **common,
            "group": f"g{at}",
            "query": f"what is thing {at}",
            "passage": f"thing {at} is a thing of kind {at}",
            "kind": "qa" if at % 2 else "heading",
        }
        for at in range(600)
    ]
    written(tmp_path / "faq.jsonl.gz", records)
    written(
        tmp_path / "squad_explore.jsonl.gz",
        [{**common, "group": "q", "query": "no", "passage": "no", "kind": "qa"}],
    )
    apart, others = (
        {one.query for one in of_people(tmp_path, lists=8, candidates=3, apart=apart)}
        for apart in (True, False)
    )
    assert len(apart) == len(others) == 8
    assert not apart & others
    assert "no" not in apart | others
    assert all(int(query.rpartition(" ")[2]) % 2 for query in apart | others)
