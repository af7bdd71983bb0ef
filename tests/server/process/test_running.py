"""The process: it listens, reads keys anew, and at the end answers what it had accepted."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from localrank.cli.main import main
from tests.support.runners import depth
from tests.support.serving import serving_process, wait_until

SLOW = {
    "query": "What is said of ferries?",
    "documents": [f"Paragraph {n} on the harbour. " * 40 for n in range(60)],
}
VERY_SLOW = {**SLOW, "documents": SLOW["documents"] * 30}  # type: ignore[operator]
KEY = "correct-horse-battery"


@pytest.mark.slow
def test_the_embedded_model_answers_without_any_option() -> None:
    with serving_process() as (client, _):
        body = client.post(
            "/v1/rerank", {"query": "What is RAG?", "documents": ["Paris.", "RAG retrieves first."]}
        ).body
        names = [row["id"] for row in client.get("/v1/models").body["data"]]
        ready = client.get("/ready")

    assert names == ["localrank-mini"]
    assert body["results"][0]["index"] == 1
    assert (ready.status, ready.body) == (200, {"status": "ready"})


@pytest.mark.slow
def test_what_was_accepted_is_answered_and_what_is_new_is_refused() -> None:
    with serving_process() as (client, process):
        accepted: list[Any] = []
        first = threading.Thread(target=lambda: accepted.append(client.post("/v1/rerank", SLOW)))
        first.start()
        wait_until(lambda: depth(client) == 1)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: client.get("/ready").status == 503)
        late = client.post("/v1/rerank", {"query": "q", "documents": ["a"]})
        first.join()
        code = process.wait(20)

    assert accepted[0].status == 200
    assert len(accepted[0].body["results"]) == 60
    assert late.status == 503
    assert late.headers["retry-after"]
    assert code in {0, -signal.SIGTERM}


@pytest.mark.slow
def test_the_end_waits_no_longer_than_it_was_told_and_says_so() -> None:
    with serving_process("--drain-seconds", "0.2") as (client, process):
        cut_short: list[Any] = []
        first = threading.Thread(target=lambda: cut_short.append(client.post("/v1/rerank", VERY_SLOW)))
        first.start()
        wait_until(lambda: depth(client) == 1)
        process.send_signal(signal.SIGTERM)
        first.join()
        code = process.wait(20)
        assert process.stderr is not None
        said = process.stderr.read()

    assert code == 0
    assert cut_short[0].status == 503
    assert "ending" in cut_short[0].body["message"]
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_second_signal_ends_at_once_and_says_so() -> None:
    with serving_process("--drain-seconds", "600") as (client, process):
        cut_short: list[Any] = []
        first = threading.Thread(target=lambda: cut_short.append(client.post("/v1/rerank", VERY_SLOW)))
        first.start()
        wait_until(lambda: depth(client) == 1)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: client.get("/ready").status == 503)
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
        first.join()
        assert process.stderr is not None
        said = process.stderr.read()

    assert code == 0
    assert cut_short[0].status == 503
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_request_that_is_not_all_there_does_not_hold_the_end_back_and_is_told() -> None:
    with serving_process("--drain-seconds", "600") as (client, process):
        address = client.url.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1])), 20) as half:
            half.sendall(
                b"POST /v1/rerank HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n"
                b"Expect: 100-continue\r\n\r\n"
            )
            assert b"100 Continue" in half.recv(1_000)  # the body is being read
            half.sendall(b'{"query')
            process.send_signal(signal.SIGTERM)
            answer = half.recv(10_000)
        code = process.wait(20)
        assert process.stderr is not None
        said = process.stderr.read()

    assert code == 0
    assert b" 503 " in answer
    assert "Traceback" not in said


@pytest.mark.slow
def test_connections_that_are_kept_do_not_hold_the_end_back() -> None:
    with serving_process("--drain-seconds", "600") as (client, process), httpx2.Client() as kept:
        assert kept.get(client.url + "/health").status_code == 200
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0


@pytest.mark.slow
def test_limits_are_read_anew_and_what_cannot_change_is_named(tmp_path: Path) -> None:
    config = tmp_path / "serve.toml"
    config.write_text("max_documents = 1\n")
    two = {"query": "q", "documents": ["a", "b"]}
    with serving_process("--config", str(config)) as (client, process):
        before = client.post("/v1/rerank", two).status
        config.write_text("max_documents = 2\npage = false\n")
        process.send_signal(signal.SIGHUP)
        _wait_for_line(process, "stay as they were")
        after = client.post("/v1/rerank", two).status
        config.write_text("max_documents = ")
        process.send_signal(signal.SIGHUP)
        _wait_for_line(process, "were not read anew")
        still = client.post("/v1/rerank", two).status

    assert (before, after, still) == (422, 200, 200)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "Without keys, whoever reaches 0.0.0.0 may rank"),
        (("lexical:default", "--document-cache-mb", "512"), "document_cache_mb is 512, and no model"),
    ],
)
def test_an_open_door_and_a_setting_without_effect_are_said_aloud(
    options: tuple[str, ...], said: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "localrank", "serve", *options, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LOCALRANK_API_KEYS": ""},
    )
    try:
        _wait_for_line(process, said)
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


@pytest.mark.slow
def test_keys_are_read_anew_and_a_slip_changes_nothing(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(KEY)
    with serving_process("--api-key-file", str(keys)) as (client, process):
        keys.write_text("another-long-key")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: client.get("/info", Api_Key="another-long-key").status == 200)
        old = client.get("/info", Api_Key=KEY).status
        keys.write_text("")
        process.send_signal(signal.SIGHUP)
        _wait_for_line(process, "Settings were not read anew")
        still = client.get("/info", Api_Key="another-long-key").status
        opened = client.get("/info").status

    assert (old, still, opened) == (401, 200, 401)


@pytest.mark.slow
def test_models_are_read_anew_while_the_former_ones_answer(tmp_path: Path) -> None:
    config, wrapper = tmp_path / "serve.toml", tmp_path / "search.toml"
    wrapper.write_text('kind = "fallback"\nmodels = ["lexical:default"]\n')
    config.write_text(f'preload = true\n[models]\n"a" = "localrank-tiny"\n"b" = "toml:{wrapper}"\n')
    with serving_process("--config", str(config)) as (client, process):
        before = [row["id"] for row in client.get("/v1/models").body["data"]]
        accepted: list[Any] = []
        first = threading.Thread(target=lambda: accepted.append(client.post("/v1/rerank", SLOW)))
        first.start()
        wait_until(lambda: depth(client) == 1)
        wrapper.write_text('kind = "fallback"\nmodels = ["identity"]\n')
        config.write_text(f'preload = true\n[models]\n"b" = "toml:{wrapper}"\n"c" = "lexical:default"\n')
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: [row["id"] for row in client.get("/v1/models").body["data"]] == ["b", "c"])
        gone = client.post("/v1/rerank", {**SLOW, "model": "a"})
        kept = client.post("/v1/rerank", {"query": "soup", "documents": ["x", "soup"], "model": "b"})
        first.join()
        config.write_text('[models]\n"d" = "nonsense:d"\n')
        process.send_signal(signal.SIGHUP)
        _wait_for_line(process, "The models stay as they were: UnknownModelError")
        still = client.post("/v1/rerank", {"query": "soup", "documents": ["x", "soup"], "model": "c"})

    assert before == ["a", "b"]
    assert (accepted[0].status, accepted[0].body["model"]) == (200, "a")
    assert gone.status == 404
    assert kept.body["results"][0]["index"] == 0  # the file says `identity` now
    assert still.body["results"][0]["index"] == 1


@pytest.mark.slow
def test_a_connection_that_asks_nothing_makes_room_for_others() -> None:
    with serving_process("--max-idle-connections", "2") as (client, _), contextlib.ExitStack() as open_ones:
        host, _, port = client.url.removeprefix("http://").rpartition(":")
        silent = [
            open_ones.enter_context(socket.create_connection((host, int(port)), timeout=20)) for _ in range(4)
        ]
        for one in silent:
            one.sendall(b"POST /v1/rerank HTTP/1.1\r\nHost: localhost\r\n")
        wait_until(
            lambda: len(select.select(silent, [], [], 0)[0]) == 2
        )  # an end can be read, silence cannot

        assert client.get("/health").status == 200


@pytest.mark.slow
def test_a_server_on_loopback_answers_to_its_own_names_only() -> None:
    with serving_process("--allowed-host", "ranks.example.com") as (client, _):
        port = client.url.rpartition(":")[2]
        statuses = {
            host: client.get("/info", Host=host).status
            for host in (f"localhost:{port}", f"[::1]:{port}", "ranks.example.com", "evil.example.com")
        }
        refused = client.post("/v1/rerank", {"query": "q", "documents": ["a"]}, Host="evil.example.com")

    assert list(statuses.values()) == [200, 200, 200, 403]
    assert "--allowed-host" in refused.body["message"]


@pytest.mark.slow
def test_a_file_says_what_options_say(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(KEY)
    config = tmp_path / "serve.toml"
    config.write_text(
        'api_key_file = "keys"\nmax_documents = 1\npage = false\n[models]\n"small one" = "localrank-tiny"\n'
    )
    with serving_process("--config", str(config)) as (client, _):
        names = [row["id"] for row in client.get("/v1/models", Api_Key=KEY).body["data"]]
        page = client.get("/", Api_Key=KEY).status
        two = client.post("/v1/rerank", {"query": "q", "documents": ["a", "b"]}, Api_Key=KEY)

    assert names == ["small one"]
    assert page == 404
    assert two.status == 422


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("ports = 3", "'ports', which is no setting"),
        ('port = "3"', "port in"),
        ("page = 1", "not true or false"),
        ("max_documents = true", "not a whole number"),
        ("timeout = -1", "below 0"),
        ("timeout = 0", "timeout is 0"),
        ("timeout = nan", "timeout is nan"),
        ("port = 70000", "port is 70000"),
        ('host = " "', "The host is blank"),
        ("models = 3", "no names with strings"),
        ("port = ", "is no TOML"),
    ],
)
def test_a_wrong_word_in_the_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    config = tmp_path / "serve.toml"
    config.write_text(content)

    assert main(["serve", "--config", str(config)]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nonsense-model"], 4, "nonsense-model"),
        (["--alias", "x"], 2, "is not NAME=SPEC"),
        (["localrank-mini", "--alias", "localrank-mini=localrank-tiny"], 2, "Two models are called"),
        (["--api-key-file", "/nonexistent/keys"], 2, "cannot be read"),
        (["--port", "70000"], 2, "70000"),
    ],
)
def test_a_slip_is_one_line_and_a_code(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert main(["serve", *arguments]) == code
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_port_that_is_taken_is_named() -> None:
    with serving_process() as (client, _):
        port = client.url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "localrank", "serve", "--port", port],
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )

    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "The server cannot listen there. Name another port (--port; 0 takes a free one)" in done.stderr


def _wait_for_line(process: Any, text: str) -> None:
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"it never said {text!r}")
