"""Stores of scores: bounded, shared by threads and processes, reopened after a fork."""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
import threading
from functools import partial

import pytest

from localrank import InvalidRequestError, MemoryStore, SQLiteStore
from localrank.compose.stores import sqlite
from localrank.compose.stores.connections import Patience
from localrank.compose.stores.scores import CachedScore


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def scores(*numbers: int) -> dict[bytes, CachedScore]:
    return {key(number): CachedScore(number / 2, number % 2 == 1) for number in numbers}


def test_memory_drops_the_least_recently_used():
    store = MemoryStore(max_entries=2)
    store.put_many(scores(1, 2))
    store.get_many([key(1)])
    store.put_many(scores(3))
    assert store.get_many([key(1), key(2), key(3)]) == [CachedScore(0.5, True), None, CachedScore(1.5, True)]


def test_memory_refuses_no_room():
    for wrong in (0, "x", 2.5, None):
        with pytest.raises(InvalidRequestError, match="max_entries"):
            MemoryStore(max_entries=wrong)


def test_sqlite_gives_back_exactly_what_it_was_given(tmp_path):
    store = SQLiteStore(tmp_path / "deep" / "scores.sqlite")
    kept = {key(1): CachedScore(0.1 + 0.2), key(2): CachedScore(-1e-300, True)}
    store.put_many(kept)
    store.close()
    again = SQLiteStore(tmp_path / "deep" / "scores.sqlite")
    assert again.get_many([key(2), key(3), key(1)]) == [kept[key(2)], None, kept[key(1)]]
    again.close()


def test_sqlite_keeps_a_relative_file_where_it_was_asked_for_wherever_the_process_goes(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("scores.sqlite")
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.put_many(scores(1))
    store.close()
    again = pickle.loads(pickle.dumps(SQLiteStore(store.path)))
    assert again.get_many([key(1)]) == [CachedScore(0.5, True)]
    again.close()
    assert (tmp_path / "scores.sqlite").exists()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_sqlite_finds_more_keys_than_one_query_holds(tmp_path):
    store = SQLiteStore(tmp_path / "scores.sqlite")
    store.put_many(scores(*range(1200)))
    found = store.get_many([key(number) for number in range(1300)])
    assert [found[0], found[1199], found[1200]] == [CachedScore(0.0), CachedScore(599.5, True), None]
    store.close()


def test_sqlite_stays_within_its_size_and_drops_the_oldest(tmp_path):
    clock = [0.0]
    store = SQLiteStore(tmp_path / "scores.sqlite", max_bytes=128 * 1024, now=lambda: clock[0])
    for batch in range(40):
        clock[0] = batch * 10_000
        store.put_many(scores(*range(batch * 100, batch * 100 + 100)))
    found = store.get_many([key(number) for number in range(4000)])
    assert found[0] is None
    assert found[3999] == CachedScore(1999.5, True)
    assert 500 < len(store) < 2500
    assert (tmp_path / "scores.sqlite").stat().st_size < 256 * 1024
    store.close()


def test_sqlite_keeps_what_is_read_over_what_is_not(tmp_path):
    clock = [0.0]
    store = SQLiteStore(tmp_path / "scores.sqlite", max_bytes=128 * 1024, now=lambda: clock[0])
    store.put_many(scores(1))
    for batch in range(1, 40):
        clock[0] = batch * 10_000
        store.get_many([key(1)])
        store.put_many(scores(*range(batch * 100, batch * 100 + 100)))
    assert store.get_many([key(1), key(100)]) == [CachedScore(0.5, True), None]
    store.close()


def test_sqlite_refuses_a_bound_below_one_page_of_use(tmp_path):
    for wrong in (1000, "x", None):
        with pytest.raises(InvalidRequestError, match="max_bytes"):
            SQLiteStore(tmp_path / "scores.sqlite", max_bytes=wrong)


def test_sqlite_serves_many_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sqlite, "Patience", partial(Patience, 30.0)
    )  # on a busy machine threads wait for one another
    store = SQLiteStore(tmp_path / "scores.sqlite")
    failures: list[Exception] = []

    def work(start: int) -> None:
        try:
            for number in range(start, start + 20):
                store.put_many(scores(number))
                assert store.get_many([key(number)]) == [scores(number)[key(number)]]
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(start * 100,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store) == 120
    store.close()


_WRITER = """
import sys
from functools import partial
from localrank.compose.stores import sqlite
from localrank.compose.stores.connections import Patience
from localrank.compose.stores.scores import CachedScore
from localrank.compose.stores.sqlite import SQLiteStore
sqlite.Patience = partial(Patience, 30.0)
store, start = SQLiteStore(sys.argv[1]), int(sys.argv[2])
for number in range(start, start + 50):
    store.put_many({number.to_bytes(16, "big"): CachedScore(number / 2)})
    assert store.get_many([number.to_bytes(16, "big")]) == [CachedScore(number / 2)]
store.close()
"""


def test_sqlite_serves_many_processes(tmp_path):
    path = tmp_path / "scores.sqlite"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path), str(start * 100)]) for start in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    store = SQLiteStore(path)
    assert len(store) == 200
    store.close()


def test_sqlite_waits_for_another_writer_when_it_makes_the_file(tmp_path):
    path = tmp_path / "scores.sqlite"
    other = sqlite3.connect(path, check_same_thread=False)
    other.execute("CREATE TABLE held (value)")
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.02, other.close)
    release.start()
    store = SQLiteStore(path)
    store.put_many(scores(1))
    release.join()
    assert len(store) == 1
    store.close()


def test_sqlite_opens_again_after_close(tmp_path):
    store = SQLiteStore(tmp_path / "scores.sqlite")
    store.put_many(scores(1))
    store.close()
    store.close()
    assert store.get_many([key(1)]) == [CachedScore(0.5, True)]
    store.close()
