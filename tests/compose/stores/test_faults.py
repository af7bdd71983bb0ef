"""A store that fails costs a warning: damaged rows and files, locks, forks, a full disk, a killed writer."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import anyio
import pytest

from localrank import Cached, InvalidRequestError, MemoryStore, SQLiteStore, rerank, rerank_sync
from localrank.compose.stores.scores import CachedScore
from tests.support.small_models import Scoring

pytestmark = pytest.mark.anyio

DOCUMENTS = ["aaa", "b", "cc"]
RANKED = [0, 2, 1]
GENEROUS_S = 5.0
"""Far above what two waits of a tenth of a second take, far below SQLite's usual ten seconds each."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scores.sqlite"


def called(model, query="q"):
    result = rerank_sync(model, query, DOCUMENTS)
    assert [hit.index for hit in result] == RANKED
    return [warning.type for warning in result.warnings], result


def change(path, statement, *values):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, values)
    connection.close()


@pytest.mark.parametrize(
    "packed", [b"\x00" * 6 + b"\xf8\x7f\x00", b"\x00" * 6 + b"\xf0\x7f\x00", b"", b"x", "text", 3]
)
def test_a_damaged_score_is_asked_for_and_kept_again(path, packed):
    inner = Scoring()
    model = Cached(inner, SQLiteStore(path))
    called(model)
    change(path, "UPDATE scores SET score = ? WHERE key = (SELECT min(key) FROM scores)", packed)

    warnings, result = called(model)

    assert warnings == ["cache_damaged"]
    assert result.warnings[0].message.startswith("1 kept scores are damaged")
    assert len(inner.asked[1]) == 1
    warnings, result = called(model)
    assert (warnings, result.usage.cache_hits) == ([], 3)
    model.store.close()


@pytest.mark.parametrize("damage", ["a changed bit", "another key's score"])
def test_a_score_that_is_another_one_is_noticed(path, damage):
    inner = Scoring()
    model = Cached(inner, SQLiteStore(path))
    _, before = called(model)
    model.store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (key, packed), (_, other) = connection.execute("SELECT key, score FROM scores LIMIT 2").fetchall()
        changed = bytes([packed[0] ^ 1]) + packed[1:] if damage == "a changed bit" else other
        connection.execute("UPDATE scores SET score = ? WHERE key = ?", (changed, key))

    warnings, result = called(model)

    assert warnings == ["cache_damaged"]
    assert [(hit.index, hit.score) for hit in result] == [(hit.index, hit.score) for hit in before]
    assert len(inner.asked[1]) == 1
    model.store.close()


def test_a_time_of_use_that_is_no_number_hurts_nothing(path):
    model = Cached(Scoring(), SQLiteStore(path))
    called(model)
    change(path, "UPDATE scores SET used = 'soon'")

    warnings, result = called(model)

    assert (warnings, result.usage.cache_hits) == ([], 3)
    model.store.close()


def test_a_file_with_damaged_pages_costs_a_warning(path):
    model = Cached(Scoring(), SQLiteStore(path))
    called(model)
    model.store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))

    warnings, result = called(model)

    assert warnings == ["cache_unavailable"]
    assert "DatabaseError: database disk image is malformed" in result.warnings[0].message
    model.store.close()


def test_scores_of_a_newer_version_are_left_alone(path):
    model = Cached(Scoring(), SQLiteStore(path))
    called(model)
    model.store.close()
    change(path, "PRAGMA user_version = 7")
    before = path.read_bytes()

    warnings, result = called(model)

    assert warnings == ["cache_unavailable"]
    assert "version 7" in result.warnings[0].message
    assert path.read_bytes() == before


def test_scores_of_before_there_were_versions_are_read(path):
    model = Cached(Scoring(), SQLiteStore(path))
    called(model)
    model.store.close()
    change(path, "PRAGMA user_version = 0")

    warnings, result = called(model)

    assert (warnings, result.usage.cache_hits) == ([], 3)
    model.store.close()


def test_a_place_where_nothing_can_be_made_costs_a_warning(tmp_path):
    (tmp_path / "file").write_text("no folder", "utf-8")

    warnings, result = called(Cached(Scoring(), SQLiteStore(tmp_path / "file" / "scores.sqlite")))

    assert warnings == ["cache_unavailable"]
    assert "Not a directory" in result.warnings[0].message or "File exists" in result.warnings[0].message


_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(path):
    """Have another process hold the file; a statement says how."""
    holders = []

    def hold(statement):
        holder = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(path), statement],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        holders.append(holder)
        assert holder.stdout.readline() == "held\n"

    yield hold
    for holder in holders:
        holder.communicate()


def test_what_another_process_holds_for_writing_is_still_read(path, held):
    model = Cached(Scoring(), SQLiteStore(path))
    called(model)
    held("BEGIN IMMEDIATE")
    started = time.monotonic()

    assert called(model)[1].usage.cache_hits == 3
    results = []
    callers = [
        threading.Thread(target=lambda query=query: results.append(called(model, query)))
        for query in ("one", "two", "three")
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert [warnings for warnings, _ in results] == [["cache_unavailable"]] * 3
    assert any("database is locked" in result.warnings[0].message for _, result in results)
    assert time.monotonic() - started < GENEROUS_S
    model.store.close()


def test_a_file_that_another_process_holds_alone_costs_a_warning(path, held):
    change(path, "CREATE TABLE theirs (value)")
    held("BEGIN EXCLUSIVE")
    started = time.monotonic()

    assert called(Cached(Scoring(), SQLiteStore(path)))[0] == ["cache_unavailable"]
    assert time.monotonic() - started < GENEROUS_S


_FORKING = """
import os, signal, sqlite3, sys, threading
from contextlib import suppress
from localrank import MemoryStore, SQLiteStore

store = MemoryStore() if sys.argv[1] == "memory" else SQLiteStore(sys.argv[1])
busy = True

def use(start, times):
    number = 0
    while busy and number != times:
        number += 1
        key = start.to_bytes(8, "big") + number.to_bytes(8, "big")
        with suppress(sqlite3.OperationalError):  # another may hold the file for too long; nobody may wait for ever
            store.put_many({key: (0.25, False)})
            assert store.get_many([key])[0][0] == 0.25

threads = [threading.Thread(target=use, args=(start, -1), daemon=True) for start in range(4)]
for thread in threads:
    thread.start()
outcomes = set()
for number in range(30):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        use(100 + number, 20)
        os._exit(0)
    outcomes.add(os.waitpid(child, 0)[1])
busy = False
for thread in threads:
    thread.join()
print(outcomes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_child_that_was_forked_while_threads_used_the_store_uses_it_too(path, kind):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKING, kind if kind == "memory" else str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert (done.stderr, done.stdout) == ("", "{0}\n")


_AT_EXIT = """
import sys
from localrank import Cached, SQLiteStore, rerank_sync
from localrank.testing import LexicalReranker
model = Cached(LexicalReranker(), SQLiteStore(sys.argv[1]))
cycle = [model]
cycle.append(cycle)
rerank_sync(model, "ferry", ["a ferry"])
sys.modules["kept"] = cycle
"""


def test_a_store_that_is_still_open_at_exit_prints_nothing_and_closes_its_file(path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _AT_EXIT, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == ("", "")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


_FULL = """
import resource, sys
from localrank import Cached, SQLiteStore, rerank_sync
from localrank.testing import LexicalReranker
store = SQLiteStore(sys.argv[1])
model = Cached(LexicalReranker(), store)
store.put_many({})
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
documents = [f"document {number}" for number in range(3000)]
for query in ("one", "two"):
    result = rerank_sync(model, query, documents)
    print(len(result), [warning.type for warning in result.warnings], result.warnings[0].message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of file sizes")
def test_a_full_disk_costs_a_warning(path):
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(path)], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.startswith("3000 ['cache_unavailable']") for line in lines] == [True, True]


_WRITING = """
import sys
from localrank import SQLiteStore
store, number = SQLiteStore(sys.argv[1], max_bytes=65536), int(sys.argv[2]) * 1_000_000
print("writing", flush=True)
while True:
    number += 100
    store.put_many({key.to_bytes(16, "big"): (0.5, False) for key in range(number, number + 100)})
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_file_whose_writers_were_killed_stays_whole(path):
    for round_ in range(8):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", _WRITING, str(path), str(3 * round_ + number)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for number in range(3)
        ]
        for writer in writers:
            writer.stdout.readline()
        time.sleep(0.01 * round_)  # so that each round ends at another moment of a write
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
    model = Cached(Scoring(), SQLiteStore(path))
    assert called(model)[0] == []
    assert called(model)[1].usage.cache_hits == 3
    model.store.close()


class Faulty(MemoryStore):
    """A store of the caller's own that does what `faults` says instead."""

    def __init__(self, **faults):
        super().__init__()
        self._faults = faults

    def get_many(self, keys):
        return self._faults["get"](keys) if "get" in self._faults else super().get_many(keys)

    def put_many(self, scores):
        return self._faults["put"](scores) if "put" in self._faults else super().put_many(scores)

    def close(self):
        if "close" in self._faults:
            raise self._faults["close"]


def _raising(error):
    def fault(_):
        raise error

    return fault


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize(
    "fault",
    [
        {"get": _raising(RuntimeError("redis://:secret@host"))},
        {"put": _raising(ConnectionError("redis://:secret@host"))},
        {"get": _raising(KeyError("x")), "put": _raising(KeyError("x"))},
        {"get": lambda keys: None},
        {"get": lambda keys: []},
        {"get": lambda keys: [None] * (len(keys) + 1)},
    ],
)
def test_a_store_of_ones_own_that_fails_costs_one_warning(fault, blocking):
    store = Faulty(**fault)
    store.blocking = blocking

    warnings, result = called(Cached(Scoring(), store))

    assert warnings == ["cache_unavailable"]
    assert "secret" not in result.warnings[0].message


@pytest.mark.parametrize(
    "kept",
    [
        CachedScore(math.nan),
        CachedScore(math.inf),
        CachedScore("0.5"),
        CachedScore(None),
        0.5,
        "0.5",
        (0.5, False),
        [0.5],
    ],
)
def test_an_entry_that_is_no_score_is_asked_for_and_kept_again(kept):
    inner, answers = Scoring(), {}
    store = Faulty(get=lambda keys: [answers.get(key, kept) for key in keys], put=answers.update)
    model = Cached(inner, store)

    assert called(model)[0] == ["cache_damaged"]
    assert called(model)[0] == []
    assert inner.asked == [tuple(DOCUMENTS)]


def test_a_store_that_is_none_is_refused():
    with pytest.raises(InvalidRequestError, match="store of type dict has no get_many"):
        Cached(Scoring(), {})


async def test_a_model_is_closed_although_its_store_fails():
    inner = Scoring()

    with pytest.raises(OSError, match="gone"):
        await Cached(inner, Faulty(close=OSError("gone"))).aclose()

    assert inner.closed == 1


async def test_the_event_loop_is_free_while_a_store_waits():
    told = threading.Event()

    def waiting(keys):
        assert told.wait(20)
        return [None] * len(keys)

    store = Faulty(get=waiting)
    store.blocking = True
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(rerank, Cached(Scoring(), store), "q", DOCUMENTS)
            await anyio.sleep(0.01)
            told.set()


async def test_provider_options_that_json_cannot_write_are_part_of_the_key():
    model = Cached(Scoring())
    odd = {"other": {1: "a", "b": object}}

    await rerank(model, "q", DOCUMENTS, provider_options=odd)
    result = await rerank(model, "q", DOCUMENTS, provider_options=odd)

    assert result.usage.cache_hits == 3
