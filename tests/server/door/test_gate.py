"""Who comes in, and what is written of it."""

from __future__ import annotations

import base64
import logging
import socket
from typing import Any

import pytest

from localrank import InvalidRequestError
from localrank.server import create_app
from localrank.server.door.hosts import Hosts
from localrank.server.door.keys import Keys, read_keys
from localrank.testing import LexicalReranker
from tests.support.serving import Client, logged, serving, wait_until

KEY = "correct-horse-battery"
BODY = {"query": "tomato soup", "documents": ["tomato soup", "paris"]}


@pytest.fixture(scope="module")
def locked():
    with serving(create_app({"words": LexicalReranker()}, api_keys=[KEY, "another-long-key"])) as served:
        yield served


@pytest.mark.parametrize(
    "path", ["/", "/style.css", "/ready", "/metrics", "/info", "/v1/models", "/openapi.json", "/nothing/here"]
)
def test_nothing_but_liveness_is_open(locked: Client, path: str) -> None:
    reply = locked.get(path)

    assert reply.status == 401
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path", ["/rerank", "/v1/rerank", "/v2/rerank", "/score", "/tei/rerank", "//rerank", "/health/../rerank"]
)
def test_no_path_that_ranks_is_open(locked: Client, path: str) -> None:
    assert locked.post(path, BODY).status == 401


@pytest.mark.parametrize("path", ["/health", "/ping"])
def test_liveness_needs_no_key(locked: Client, path: str) -> None:
    assert locked.get(path).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer  {KEY}"},
        {"Api-Key": KEY},
        {"X-API-Key": "another-long-key"},
    ],
)
def test_a_key_comes_in_any_of_three_headers(locked: Client, headers: dict[str, str]) -> None:
    assert locked.post("/v1/rerank", BODY, **headers).status == 200


def test_a_browser_is_asked_for_a_password(locked: Client) -> None:
    refused = locked.get("/", Accept="text/html,*/*")
    password = base64.b64encode(f"anyone:{KEY}".encode()).decode()

    assert refused.headers["www-authenticate"].startswith("Basic ")
    assert locked.get("/", Authorization=f"Basic {password}").status == 200
    assert locked.get("/", Authorization="Basic !").status == 401


@pytest.mark.parametrize("given", [KEY[:-1], KEY + "x", KEY.upper(), "Bearer", "*"])
def test_another_key_does_not_open(locked: Client, given: str) -> None:
    assert locked.post("/v1/rerank", BODY, Authorization=f"Bearer {given}").status == 401


def test_a_short_key_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="fewer than 8 characters") as raised:
        Keys(["short"])

    assert "short'" not in str(raised.value)


def test_keys_come_from_a_file_and_the_environment(tmp_path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# of the team\n{KEY}\n\n")

    keys = read_keys(path, {"LOCALRANK_API_KEYS": "first-long-key, second-long-key"})

    assert len(keys) == 3
    assert keys.open_for({"authorization": "Bearer second-long-key"})
    assert keys.open_for({"api-key": KEY})


@pytest.mark.parametrize("content", ["", "# nothing\n\n"])
def test_a_file_without_a_key_does_not_leave_the_door_open(tmp_path, content: str) -> None:
    path = tmp_path / "keys"
    path.write_text(content)

    with pytest.raises(InvalidRequestError, match="holds no key"):
        read_keys(path, {})


def test_a_request_keeps_the_id_that_it_came_with(client: Client) -> None:
    reply = client.post("/v1/rerank", BODY, X_Request_ID="abc-123")

    assert reply.headers["x-request-id"] == "abc-123"
    assert reply.body["id"] == "abc-123"


@pytest.mark.parametrize("given", ["a b", "x" * 81, "a;b"])
def test_an_odd_id_is_replaced(client: Client, given: str) -> None:
    reply = client.post("/v1/rerank", BODY, X_Request_ID=given)

    assert reply.headers["x-request-id"] != given
    assert len(reply.headers["x-request-id"]) == 32


def test_the_log_has_a_line_a_request_and_no_text_or_key(
    locked: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def lines() -> list[dict[str, Any]]:
        return logged(caplog.records, "good", "bad")

    with caplog.at_level(logging.DEBUG):
        for name, documents in (("good", ["tomato"]), ("bad", ["parsley", 3])):
            body = {"query": "parsley", "documents": documents}
            locked.post("/v1/rerank?secret=parsley", body, Authorization=f"Bearer {KEY}", X_Request_ID=name)
        wait_until(lambda: len(lines()) >= 2)  # a line is written once its answer is sent: in either order

    assert sorted((line["path"], line["status"], line["outcome"]) for line in lines()) == [
        ("/v1/rerank", 200, "ok"),
        ("/v1/rerank", 422, "invalid_request"),
    ]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("localrank")]
    assert not any("parsley" in text or KEY in text for text in ours)


def test_metrics_have_no_label_that_a_client_chooses(locked: Client) -> None:
    locked.post("/v1/rerank", {**BODY, "model": "of-my-own-making"}, Authorization=f"Bearer {KEY}")

    page = locked.get("/metrics", Authorization=f"Bearer {KEY}").body
    assert 'outcome="unknown_model"' in page
    assert "of-my-own-making" not in page


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8787", True),
        ("localhost.", True),
        ("127.0.0.1:8787", True),
        ("192.168.3.4", True),
        ("[::1]:8787", True),
        ("[::1]", True),
        ("::1", True),
        ("ranks.localhost:80", True),
        ("host.docker.internal:8787", True),
        ("laptop.local", True),
        (socket.gethostname(), True),
        ("", True),
        ("mine.example.com:443", True),
        ("yours.example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("notlocalhost", False),
        ("internal", False),
        ("[evil.example.com]", False),
        ("a:b:c.example.com", False),
    ],
)
def test_names_of_the_web_are_not_the_servers_own(host: str, allowed: bool) -> None:
    assert (Hosts(["mine.example.com"]).refusal(host) is None) == allowed


@pytest.mark.parametrize("names", [None, ["*"], ["a.example.com", "*"]])
def test_any_name_is_allowed_when_asked(names: list[str] | None) -> None:
    assert Hosts(names).refusal("evil.example.com") is None


@pytest.mark.parametrize("name", ["", "http://a.example.com", "a.example.com:80", "a/b"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="no host name"):
        create_app({"words": LexicalReranker()}, allowed_hosts=[name])


def test_a_page_that_rebinds_its_name_reaches_liveness_and_nothing_else() -> None:
    with serving(create_app({"words": LexicalReranker()}, allowed_hosts=[])) as client:
        asked = {
            path: client.get(path, Host="evil.example.com").status for path in ("/", "/metrics", "/health")
        }
        posted = client.post("/v1/rerank", BODY, Host="evil.example.com").status

    assert asked == {"/": 403, "/metrics": 403, "/health": 200}
    assert posted == 403
