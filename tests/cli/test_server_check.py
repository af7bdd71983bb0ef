"""`localrank doctor --server`: which dialect a server speaks, and whether what it answers is sense."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localrank.cli import server_check
from localrank.cli.server_check import KEY_VARIABLE, PAIRS, check_server, read_key
from localrank.providers.diagnosis import Finding
from tests.support.rerank_server import RerankServer, Seen, Turn
from tests.support.serving import serving_process
from tests.support.shell import localrank

DIALECTS = ("cohere", "cohere-v1", "jina", "vllm", "voyage", "mixedbread", "pinecone", "tei")
Rewrite = Callable[[list[dict[str, Any]]], list[float]]


def findings(url: str, model: str | None = None) -> dict[str, Finding]:
    check = check_server(url, model=model, api_key=None)
    return {finding.name: finding for finding in check.section.findings}


def scoring(rewrite: Rewrite) -> RerankServer:
    """Return a server whose scores are what `rewrite` makes of the good answer's results, best first."""

    def body(answer: Any) -> Any:
        rows = answer["results"]
        scores = rewrite(rows)
        return {
            **answer,
            "results": [{**row, "relevance_score": score} for row, score in zip(rows, scores, strict=True)],
        }

    return RerankServer("vllm", choose=lambda _: Turn(body=body))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_good_server_of_any_dialect_is_found_and_makes_sense(dialect: str) -> None:
    with RerankServer(dialect) as server:
        found = findings(server.url)

    assert found["verdict"] == Finding("verdict", "it makes sense: the right text first in 6 of 6 requests")
    assert {finding.state for finding in found.values()} == {"ok"}


NONSENSE: dict[str, tuple[Rewrite, str]] = {
    "softmax over one label": (lambda rows: [1.0] * len(rows), "nonsense: every score is 1"),
    "reversed": (
        lambda rows: [-row["relevance_score"] for row in rows],
        "nonsense: it ranks the wrong text first every time",
    ),
    "by position, falling": (
        lambda rows: [1.0 - row["index"] / 10 for row in rows],
        "nonsense: the text sent first wins every time",
    ),
    "by position, rising": (
        lambda rows: [row["index"] / 10 for row in rows],
        "nonsense: the text sent last wins every time",
    ),
    "by the question alone": (
        lambda rows: [round(sum(row["relevance_score"] for row in rows), 9)] * len(rows),
        "nonsense: both texts of a question score the same",
    ),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_server_that_scores_nonsense_is_told(name: str) -> None:
    rewrite, verdict = NONSENSE[name]
    with scoring(rewrite) as server:
        check = check_server(server.url, model=None, api_key=None)

    *_, last = check.section.findings
    assert (check.is_asked, last.value, last.state) == (True, verdict, "broken")
    assert last.hint


def test_a_model_without_its_template_scores_noise() -> None:
    noise = iter([0.51, 0.49, 0.51, 0.49, 0.51, 0.49, 0.48, 0.52, 0.51, 0.49, 0.50, 0.51])
    with scoring(lambda rows: [next(noise) for _ in rows]) as server:
        found = findings(server.url)

    assert found["verdict"].value == "nonsense: the right text comes first in 4 of 6 requests"
    assert "chat template" in (found["verdict"].hint or "")
    assert [found[query].state for query, *_ in PAIRS] == ["ok", "broken", "broken"]


def test_scores_that_hardly_differ_are_worth_a_note() -> None:
    with scoring(lambda rows: [0.5 + row["relevance_score"] / 1_000 for row in rows]) as server:
        found = findings(server.url)

    assert (found["verdict"].state, found["verdict"].value) == (
        "note",
        "it ranks right, but the scores hardly differ",
    )


def test_a_named_model_is_the_one_that_is_asked_for() -> None:
    with RerankServer("cohere") as server:
        findings(server.url, model="rerank-v4.0")

        assert {seen.body["model"] for seen in server.requests} == {"rerank-v4.0"}


def test_a_refused_key_ends_the_search_and_is_not_shown() -> None:
    with RerankServer("vllm", choose=lambda _: Turn(status=401, echo_key=True)) as server:
        check = check_server(server.url, model=None, api_key="sekret-key")

        assert len(server.requests) == 1
    (finding,) = check.section.findings
    assert (check.is_asked, finding.state) == (False, "broken")
    assert "401" in finding.value
    assert "sekret-key" not in repr(finding)


def test_where_nobody_listens_one_attempt_is_enough() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        check = check_server(url, model=None, api_key=None)

    assert not check.is_asked
    assert "failed" in check.section.findings[0].value


def test_a_server_that_ranks_nothing_names_what_was_tried() -> None:
    def refusing(seen: Seen) -> Turn:
        return Turn(status=422 if seen.path == "/rerank" else 404)

    with RerankServer("tei", choose=refusing) as server:
        (finding,) = check_server(server.url, model=None, api_key=None).section.findings

    assert finding.value.startswith("it answers none of the ")
    assert "Asked as tei: tei answered 422" in finding.value
    assert "404 or 405 for " in finding.value
    assert len(finding.value) < 1_000
    assert "--model" in (finding.hint or "")


def test_a_server_that_fails_after_the_first_answer_is_told() -> None:
    turns = iter([Turn(), *[Turn(status=500)] * 20])
    with RerankServer("vllm", choose=lambda _: next(turns)) as server:
        found = findings(server.url)

    assert found["verdict"].state == "broken"
    assert found["verdict"].value.startswith("it failed: ")


def test_an_address_that_is_none_is_said_so() -> None:
    check = check_server("localhost:8000", model=None, api_key=None)

    assert (check.is_asked, "no plain http" in check.section.findings[0].value) == (False, True)


def test_without_a_package_that_asks_servers_there_is_a_way_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(url: str, **_: Any) -> Iterator[Any]:
        return iter(())

    monkeypatch.setattr(server_check, "ways_to_ask", nobody)

    (finding,) = check_server("http://127.0.0.1:1", model=None, api_key=None).section.findings

    assert finding.hint == 'pip install "localrank[cohere]"'


def test_a_key_comes_from_the_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert read_key(None) is None
    monkeypatch.setenv(KEY_VARIABLE, " of-the-environment ")
    (tmp_path / "key").write_text("of-the-file\nanother\n")

    assert (read_key(None), read_key(tmp_path / "key")) == ("of-the-environment", "of-the-file")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_key_file_without_a_key_is_wrong_use(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    done = localrank("doctor", "--server", "http://127.0.0.1:1", "--api-key-file", str(path))

    assert done.code == 2
    assert "--api-key-file" in done.err


def test_a_key_file_without_a_server_is_wrong_use(tmp_path: Path) -> None:
    assert localrank("doctor", "--api-key-file", str(tmp_path / "key")).code == 2


def test_our_own_server_makes_sense_and_gets_its_key() -> None:
    with serving_process("localrank-tiny", LOCALRANK_API_KEYS="a-key-of-sixteen-characters") as (client, _):
        good = localrank(
            "doctor", "--server", client.url, "--json", LOCALRANK_API_KEY="a-key-of-sixteen-characters"
        )
        refused = localrank("doctor", "--server", client.url)

    found = {one["name"]: one for one in map(json.loads, good.out.splitlines())}
    assert (good.code, found["verdict"]["state"]) == (0, "ok"), good.out
    assert found["model"]["value"] == "localrank-tiny"
    assert refused.code == 4
    assert "401" in refused.out


def test_nonsense_ends_the_doctor_with_1() -> None:
    with scoring(lambda rows: [1.0] * len(rows)) as server:
        done = localrank("doctor", "--server", server.url)

    assert done.code == 1
    assert "nonsense: every score is 1" in done.out
    assert "Installation" not in done.out
