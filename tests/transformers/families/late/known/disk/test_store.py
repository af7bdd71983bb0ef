"""A store of documents: found again by any process, whatever ended the one before; bounded; and what is damaged is a miss."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidRequestError, ModelLoadError
from localrank_transformers import DocumentStore
from localrank_transformers.families.late.known.disk import index as index_module
from localrank_transformers.families.late.known.disk import store as store_module
from localrank_transformers.families.late.known.disk.index import INDEX_FILE
from localrank_transformers.families.late.known.disk.segments import SegmentWriter
from localrank_transformers.families.late.known.disk.store import OpenStore
from tests.support import stored_documents
from tests.support.stored_documents import IDENTITY, document, key

Opener = Callable[..., OpenStore]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    made: list[OpenStore] = []

    def open_one(max_mb: int = 50) -> OpenStore:
        one = OpenStore(tmp_path / "s", max_mb)
        one.open(IDENTITY, "a model")
        made.append(one)
        return one

    yield open_one
    for one in made:
        one.close()


def keep(store: OpenStore, numbers: range) -> None:
    store.keep([(key(number), document(number)) for number in numbers])
    assert not store.warnings()


def found(store: OpenStore, numbers: range) -> list[int]:
    """Return those that are there, each of which must be what was kept."""
    there = []
    for number, one in zip(numbers, store.find([key(number) for number in numbers]), strict=True):
        if one is not None:
            expected = document(number)
            assert one.data.tobytes() == expected.data.tobytes()
            assert (one.tokens, one.truncated) == (expected.tokens, expected.truncated)
            assert one.address == one.data.ctypes.data
            there.append(number)
    return there


def vectors_file(store: OpenStore) -> Path:
    (path,) = store.path.glob("*.vectors")
    return path


def test_what_one_keeps_another_finds(opened: Opener) -> None:
    one, other = opened(), opened()
    assert found(other, range(5)) == []
    keep(one, range(40))
    assert found(other, range(60)) == [*range(40)]
    one.close()
    assert found(opened(), range(60)) == [*range(40)]


def test_a_process_goes_on_where_another_one_ended(opened: Opener) -> None:
    for start in range(0, 40, 10):
        store = opened()
        keep(store, range(start, start + 10))
        store.close()
    assert found(opened(), range(40)) == [*range(40)]
    assert vectors_file(store).exists()


def test_two_that_write_have_a_file_each(opened: Opener) -> None:
    one, other = opened(), opened()
    for start in range(0, 60, 20):
        keep(one, range(start, start + 10))
        keep(other, range(start + 10, start + 20))
    assert found(opened(), range(60)) == [*range(60)]
    assert len(list(one.path.glob("*.vectors"))) == 2


def test_another_models_vectors_are_refused(opened: Opener) -> None:
    keep(opened(), range(3))
    other = OpenStore(opened().path, 50)
    with pytest.raises(ModelLoadError, match="a model, not another"):
        other.open(b"j" * 32, "another")
    other.clear()
    other.open(b"j" * 32, "another")
    other.close()


@pytest.mark.parametrize("at", [0, 1, -1])
def test_a_byte_that_changed_is_a_miss_and_read_anew(opened: Opener, at: int) -> None:
    store = opened()
    keep(store, range(20, 21))
    store.close()
    path, size = vectors_file(store), document(20).data.nbytes
    content = bytearray(path.read_bytes())
    content[at % size] ^= 0x10
    path.write_bytes(content)
    again = opened()
    assert found(again, range(20, 21)) == []
    keep(again, range(20, 21))
    assert found(opened(), range(20, 21)) == [20]


def test_a_file_that_is_shorter_or_gone_is_a_miss(opened: Opener) -> None:
    for spoil in (lambda path: os.truncate(path, 100), lambda path: os.truncate(path, 0), Path.unlink):
        store = opened()
        keep(store, range(30, 40))
        store.close()
        for path in store.path.glob("*.vectors"):
            spoil(path)
        again = opened()
        assert found(again, range(33, 40)) == []
        keep(again, range(33, 40))
        assert found(opened(), range(33, 40)) == [*range(33, 40)]


def test_what_another_process_entered_anew_is_not_written_over_where_somebody_compares_it(
    opened: Opener,
) -> None:
    one, other, reader = opened(), opened(), opened()
    keep(one, range(12))
    assert found(reader, range(12)) == [*range(12)]
    keep(other, range(6, 12))  # both read them at the same time
    one.close()
    keep(opened(), range(20, 26))
    assert found(reader, range(12)) == [*range(12)]
    assert found(opened(), range(30)) == [*range(12), *range(20, 26)]


def test_what_a_damaged_index_does_not_name_is_not_written_over(opened: Opener) -> None:
    one, reader = opened(), opened()
    keep(one, range(12))
    one.close()
    assert found(reader, range(12)) == [*range(12)]
    with closing(sqlite3.connect(reader.path / INDEX_FILE)) as index, index:
        index.execute("update documents set segment = segment + 1 where place > 0")
    keep(opened(), range(20, 26))
    assert found(reader, range(12)) == [*range(12)]


def test_a_file_is_never_cut_since_who_compares_what_lies_there_would_be_killed(opened: Opener) -> None:
    one = opened()
    keep(one, range(12))
    one.close()
    path = vectors_file(one)
    size = path.stat().st_size
    with closing(sqlite3.connect(one.path / INDEX_FILE)) as index, index:
        index.execute("update segments set capacity = 100000")
    keep(opened(), range(20, 22))
    assert path.stat().st_size == size


def test_a_file_that_was_cut_is_read_anew_once_it_is_whole_again(opened: Opener) -> None:
    one = opened()
    keep(one, range(3))
    one.close()
    os.truncate(vectors_file(one), 100)
    again = opened()
    assert found(again, range(1, 3)) == []
    keep(again, range(1, 3))
    assert found(again, range(1, 3)) == [1, 2]


def test_a_row_that_changed_is_a_miss(opened: Opener) -> None:
    store = opened()
    keep(store, range(10, 20))
    store._opened().connection.execute("update documents set tokens = tokens - 1")
    assert found(opened(), range(10, 20)) == []


def test_an_index_that_is_none_says_so(opened: Opener) -> None:
    store = opened()
    keep(store, range(3))
    store.close()
    for path in store.path.glob("index*"):
        path.unlink()
    (store.path / INDEX_FILE).write_bytes(b"no database " * 1000)
    with pytest.raises(ModelLoadError, match="cannot be used"):
        opened()


def test_the_longest_unused_make_room_and_the_bound_holds(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_LOOK_S", 0.0)
    store, tokens = opened(max_mb=8), 2_000
    told: list[str] = []
    for number in range(300):
        store.keep([(key(number), document(number, tokens))])
        store.find([key(0)])
        told += [one.message for one in store.warnings()]
    assert len(told) == 1
    assert "has its 8 MB: documents that were longest unused make room for new ones" in told[0]
    kept = [one is not None for one in store.find([key(number) for number in range(300)])]
    assert kept[0]
    assert kept[-50:] == [True] * 50
    assert not all(kept)
    assert store.facts().disk_mb <= 8
    assert sum(path.stat().st_size for path in store.path.iterdir()) <= 8_000_000


def test_a_smaller_bound_holds_when_the_store_is_opened(opened: Opener) -> None:
    store = opened(max_mb=40)
    for number in range(600):
        store.keep([(key(number), document(number, 1_000))])
    store.close()
    assert opened(max_mb=8).facts().disk_mb <= 8


def test_a_document_larger_than_a_file_is_not_kept_and_a_warning_says_once_which_store_would(
    opened: Opener,
) -> None:
    store = opened(max_mb=8)
    large = document(0, 60_000)
    for _ in range(2):
        store.keep([(key(0), large), (key(1), document(1))])
    (warning,) = store.warnings()
    needed = re.search(r"at least (\d+) MB \(max_mb\)", warning.message)
    assert needed is not None
    assert [one is not None for one in store.find([key(0), key(1)])] == [False, True]
    store.keep([(key(0), large)])
    assert not store.warnings()
    store.close()
    enough = opened(max_mb=int(needed[1]))
    enough.keep([(key(0), large)])
    assert not enough.warnings()
    (one,) = enough.find([key(0)])
    assert one is not None
    assert one.data.tobytes() == large.data.tobytes()


@pytest.mark.parametrize("max_mb", [8, 500])
def test_a_document_that_does_not_fit_into_what_others_left_gets_a_file_of_its_own(
    opened: Opener, max_mb: int
) -> None:
    first = opened(max_mb=8)
    first.keep([(key(0), document(0, 16_000))])  # 38 % of the file
    first.close()
    store = opened(max_mb=max_mb)
    store.keep([(key(1), document(1, 34_000))])
    assert not store.warnings()
    assert [one is not None for one in store.find([key(0), key(1)])] == [True, True]


def test_what_cannot_be_written_is_not_kept_and_a_warning_says_so(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SegmentWriter, "write", full)
    store.keep([(key(1), document(1))])
    (warning,) = store.warnings()
    assert "No space left" in warning.message
    assert not store.warnings()
    monkeypatch.undo()
    keep(store, range(1, 2))
    assert found(store, range(3)) == [1]


def test_what_makes_room_stays_readable_for_who_has_it(opened: Opener) -> None:
    store = opened()
    keep(store, range(5))
    (one,) = store.find([key(4)])
    opened().clear()
    assert one is not None
    assert one.data.tobytes() == document(4).data.tobytes()
    keep(store, range(5))
    keep(store, range(5))
    assert found(opened(), range(5)) == [*range(5)]


def test_compacting_moves_what_half_empty_files_hold(opened: Opener) -> None:
    stores = [opened() for _ in range(4)]
    for at, store in enumerate(stores):
        keep(store, range(10 * at, 10 * at + 10))
    for store in stores:
        store.close()
    compacted = opened()
    assert len(list(compacted.path.glob("*.vectors"))) == 4
    compacted.compact()
    assert len(list(compacted.path.glob("*.vectors"))) < 4
    assert found(compacted, range(40)) == [*range(40)]
    assert found(opened(), range(40)) == [*range(40)]


def test_who_writes_compacts_what_others_left_and_leaves_out_what_is_damaged(opened: Opener) -> None:
    stores = [opened() for _ in range(3)]
    for at, store in enumerate(stores):
        keep(store, range(10 * at, 10 * at + 10))
    for store in stores[:2]:
        store.close()
    first = stores[0].path / "00000001.vectors"
    content = bytearray(first.read_bytes())
    content[0] ^= 1
    first.write_bytes(content)
    writing = stores[2]
    writing.compact()
    assert len(list(writing.path.glob("*.vectors"))) == 1
    keep(writing, range(30, 35))
    assert found(opened(), range(35)) == [*range(1, 35)]


def test_a_child_may_use_it_with_its_parent(opened: Opener) -> None:
    store = opened()
    keep(store, range(10))
    child = os.fork()
    if not child:
        store.keep([(key(number), document(number)) for number in range(10, 20)])
        os._exit(0 if found(store, range(20)) == [*range(20)] else 1)
    keep(store, range(20, 30))
    assert os.waitpid(child, 0)[1] == 0
    assert found(store, range(30)) == [*range(30)]


def _some(folder: Path, start: int) -> None:
    store = OpenStore(folder, 50)
    store.open(IDENTITY, "a model")
    for number in range(start, start + 60, 5):
        keep(store, range(number, number + 5))
        assert found(store, range(number, number + 5)) == [*range(number, number + 5)]


def test_many_processes_write_at_once(opened: Opener) -> None:
    store = opened()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=context) as pool:
        for future in [pool.submit(_some, store.path, start) for start in range(0, 200, 40)]:
            future.result()
    assert found(store, range(220)) == [*range(220)]


def test_a_process_killed_at_any_moment_loses_nothing_that_was_kept(opened: Opener, tmp_path: Path) -> None:
    """`benchmarks/known/document_store.py` does this two hundred times."""
    start, moment = 0, random.Random(3)
    for _ in range(4):
        command = [sys.executable, "-m", stored_documents.__name__, str(tmp_path / "s"), str(start), "50"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        with child.stdout as lines:
            for _ in range(moment.randrange(1, 30)):
                done = int(lines.readline())
            child.kill()
            rest = lines.read().split()
        child.wait()
        done = max([done, *(int(line) for line in rest[:-1])])
        assert set(range(start, done)) <= set(found(opened(), range(start, done + 6)))
        start = done + 6


def test_a_store_is_pickled_as_where_it_is(tmp_path: Path) -> None:
    store = pickle.loads(pickle.dumps(DocumentStore(tmp_path, max_mb=20, vectors="small")))
    assert (store.path, store.max_mb, store.vectors) == (tmp_path, 20, "small")


@pytest.mark.parametrize("value", [0, 7, -1, True])
def test_a_size_that_is_none_is_refused(tmp_path: Path, value: int) -> None:
    with pytest.raises(InvalidRequestError, match="max_mb"):
        DocumentStore(tmp_path, max_mb=value)


def test_where_there_is_no_store_nothing_is_made(tmp_path: Path) -> None:
    for use in (DocumentStore.facts, DocumentStore.compact, DocumentStore.clear):
        with pytest.raises(ModelLoadError, match="no document store"):
            use(DocumentStore(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_noted_is_no_fault_of_a_look_up(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "WAIT_S", 0.01)
    monkeypatch.setattr(store_module, "_LOOK_S", 0.0)
    store, other = opened(), opened()
    keep(store, range(10))
    assert found(other, range(5)) == [*range(5)]
    content = vectors_file(store).read_bytes()
    vectors_file(store).write_bytes(bytes(len(content)))
    busy = sqlite3.connect(store.path / INDEX_FILE, isolation_level=None)
    busy.execute("begin immediate")

    assert found(other, range(5, 10)) == []  # neither the use nor the damage can be noted

    busy.execute("rollback")
    busy.close()
    keep(store, range(5, 10))
    assert found(other, range(5, 10)) == [*range(5, 10)]


@pytest.mark.parametrize("value", ["9", 8.5])
def test_a_size_that_is_no_whole_number_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="max_mb"):
        DocumentStore(tmp_path, max_mb=value)


def test_a_setting_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="vectors is 'tiny'"):
        DocumentStore(tmp_path, vectors="tiny")  # type: ignore[arg-type]


def test_a_store_remembers_what_it_was_made_with(tmp_path: Path) -> None:
    for asked, known in ((20, 20), (None, 20), (30, 30), (None, 30)):
        one = OpenStore(tmp_path / "s", asked)
        one.open(IDENTITY, "a model")
        assert one.max_mb == known
        one.close()
        assert DocumentStore(tmp_path / "s").facts().max_mb == known


def test_facts_count_what_is_there(opened: Opener) -> None:
    store, documents = opened(max_mb=20), [document(number) for number in range(7)]
    keep(store, range(7))
    facts = DocumentStore(store.path).facts()
    assert (facts.documents, facts.model, facts.max_mb) == (7, "a model", 20)
    assert facts.tokens == sum(one.tokens for one in documents)
    assert facts.vectors_mb == pytest.approx(sum(one.data.nbytes for one in documents) / 1e6)
    assert 0 < facts.disk_mb < 20


def test_closing_lets_go_of_its_files_and_the_next_use_opens_them_again(tmp_path: Path) -> None:
    store = DocumentStore(tmp_path / "s", max_mb=8)
    store.opened.open(IDENTITY, "a model")
    keep(store.opened, range(3))
    connection, writer = store.opened._opened().connection, store.opened._writing._segment
    store.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("select 1")
    assert writer is not None
    assert writer._stream.closed
    assert found(store.opened, range(3)) == [0, 1, 2]
    store.close()
    assert repr(store) == f"DocumentStore({str(tmp_path / 's')!r}, max_mb=8, vectors=None)"


def test_what_a_damaged_store_keeps_cannot_be_said(opened: Opener) -> None:
    store = opened()
    store.close()
    for path in store.path.glob("index*"):
        path.unlink()
    (store.path / INDEX_FILE).write_bytes(b"no database " * 1000)
    with pytest.raises(ModelLoadError, match="cannot be used"):
        OpenStore(store.path, None).vectors()


def test_compacting_leaves_the_bound_of_a_larger_store_alone(tmp_path: Path) -> None:
    one = OpenStore(tmp_path / "s", 20_000)
    one.open(IDENTITY, "a model")
    keep(one, range(3))
    one.close()
    again = DocumentStore(tmp_path / "s")
    again.compact()
    assert again.opened.max_mb == 20_000
    again.close()


def test_a_store_of_small_vectors_says_so_and_is_refused_as_another_one(tmp_path: Path) -> None:
    one = OpenStore(tmp_path / "s", 20, "small")
    assert one.open(IDENTITY, "a model") == "small"
    assert OpenStore(tmp_path / "s", 20).open(IDENTITY, "a model") == "small"
    assert DocumentStore(tmp_path / "s").facts().vectors == "small"
    with pytest.raises(ModelLoadError, match="keeps vectors='small', not 'full'"):
        OpenStore(tmp_path / "s", 20, "full").open(IDENTITY, "a model")
    one.clear()
    one.close()
    other = OpenStore(tmp_path / "t", 20)
    assert other.open(IDENTITY, "a model") == "full"
    other._opened().connection.execute(
        "delete from facts where name = 'vectors'"
    )  # as older versions made it
    assert OpenStore(tmp_path / "t", 20).open(IDENTITY, "a model") == "full"
    with pytest.raises(ModelLoadError, match="keeps vectors='full', not 'small'"):
        OpenStore(tmp_path / "t", 20, "small").open(IDENTITY, "a model")
    other.close()


def test_a_store_that_was_removed_says_so_once_and_is_not_made_again(opened: Opener) -> None:
    store = opened()
    keep(store, range(5))
    assert found(store, range(5)) == [*range(5)]
    shutil.rmtree(store.path)
    for number in range(5, 8):
        store.keep([(key(number), document(number))])
    (warning,) = store.warnings()
    assert "removed" in warning.message
    store.keep([(key(9), document(9))])
    assert not store.warnings()
    assert not store.path.exists()
    assert found(store, range(9)) == [*range(5)]  # who has them keeps them


def test_who_only_reads_waits_for_nobody_and_who_writes_hears_who_is_in_the_way(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "WAIT_S", 0.01)
    store = opened()
    keep(store, range(5))
    with closing(sqlite3.connect(store.path / INDEX_FILE, isolation_level=None)) as busy:
        busy.execute("begin immediate")
        assert found(opened(), range(5)) == [*range(5)]
        with pytest.raises(ModelLoadError, match="Another process has been writing"):
            opened(max_mb=9)
        busy.execute("rollback")


def test_an_index_whose_keys_lost_their_order_says_so(opened: Opener) -> None:
    store = opened()
    keep(store, range(200))
    store.close()
    path = store.path / INDEX_FILE
    content = bytearray(path.read_bytes())
    for number in range(60, 140):
        at = content.find(key(number))
        while at >= 0:
            content[at : at + 8] = b"\xff" * 8
            at = content.find(key(number), at + 1)
    path.write_bytes(content)
    with pytest.raises(ModelLoadError, match=r"the index is damaged.*remove this one"):
        opened().facts()
    with pytest.raises(ModelLoadError, match="the index is damaged"):
        opened().compact()


def test_an_index_that_does_not_find_what_was_entered_is_told_as_damage(opened: Opener) -> None:
    store = opened()
    keep(store, range(3))
    with closing(sqlite3.connect(store.path / INDEX_FILE)) as index:
        index.execute(
            "create trigger t after insert on documents begin delete from documents where key = new.key; end"
        )
    store.keep([(key(7), document(7))])
    (warning,) = store.warnings()
    assert "does not find what was entered" in warning.message
    assert found(opened(), range(9)) == [0, 1, 2]


def test_a_damaged_entry_has_the_index_looked_at_once_and_a_warning_says_what_it_is(opened: Opener) -> None:
    store = opened()
    keep(store, range(200))
    store.close()
    path = store.path / INDEX_FILE
    content = path.read_bytes()
    path.write_bytes(content.replace(key(100), b"\xff" * 32))
    with closing(sqlite3.connect(path, isolation_level=None)) as index:
        index.execute("update documents set sum = 1 where key in (?, ?)", (key(1), key(2)))
    again = opened()
    assert 1 not in found(again, range(200))
    (warning,) = again.warnings()
    assert "the index is damaged" in warning.message
    assert 2 not in found(again, range(2, 3))
    assert not again.warnings()


@pytest.mark.parametrize(
    "damage",
    [
        "update segments set capacity = 'abc'",
        "update segments set capacity = x'00'",
        "update documents set place = 'abc'",
        "update documents set size = x'ff'",
        "update facts set value = null where name = 'model'",
        "update facts set value = x'ff' where name = 'model'",
        "update facts set value = 'full' where name = 'vectors'",
    ],
)
def test_whatever_stands_in_a_damaged_index_a_store_is_used_on(opened: Opener, damage: str) -> None:
    store = opened()
    keep(store, range(3))
    store.close()
    with closing(sqlite3.connect(store.path / INDEX_FILE, isolation_level=None)) as index:
        index.execute(damage)
    again = opened()
    missing = [number for number in range(5) if number not in found(again, range(5))]
    again.keep([(key(number), document(number)) for number in missing])
    assert not again.warnings()
    assert found(opened(), range(5)) == [*range(5)]
    again.compact()
    again.facts()


@pytest.mark.parametrize(
    "damage",
    [
        "update facts set value = x'ff' where name = 'max_mb'",
        "update facts set value = 'smell' where name = 'vectors'",
        "pragma writable_schema = 1; update sqlite_master set sql = cast(x'637265617465207461626c6520ff' as text)",
    ],
)
def test_what_a_damaged_index_says_of_itself_is_told_as_damage(opened: Opener, damage: str) -> None:
    store = opened()
    keep(store, range(3))
    store.close()
    with closing(sqlite3.connect(store.path / INDEX_FILE, isolation_level=None)) as index:
        index.executescript(damage)
    with pytest.raises(ModelLoadError, match="remove this one"):
        OpenStore(store.path, None).open(IDENTITY, "a model")


@pytest.mark.parametrize("damage", ["tokens = -1", "size = 2.5", "size = -5", "place = 'abc'", "place = -64"])
def test_an_entry_that_is_no_place_is_a_miss_and_read_anew(opened: Opener, damage: str) -> None:
    store = opened()
    keep(store, range(3))
    store.close()
    with sqlite3.connect(store.path / INDEX_FILE) as index:
        index.execute(f"update documents set {damage}")
    index.close()
    again = opened()
    assert found(again, range(3)) == []
    keep(again, range(3))
    assert found(opened(), range(3)) == [0, 1, 2]


@pytest.mark.parametrize("place", ["a file", "a link to nothing"])
def test_a_folder_that_is_none_is_told_as_that(tmp_path: Path, place: str) -> None:
    path = tmp_path / "s"
    if place == "a file":
        path.write_text("x")
    else:
        path.symlink_to(tmp_path / "gone")
    with pytest.raises(ModelLoadError, match="is no folder"):
        OpenStore(path, None).open(IDENTITY, "a model")


def test_a_relative_folder_stays_the_same_one_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = DocumentStore("s", max_mb=8)
    store.opened.open(IDENTITY, "a model")
    keep(store.opened, range(3))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert found(store.opened, range(3)) == [0, 1, 2]
    keep(store.opened, range(3, 5))
    store.close()
    assert found(pickle.loads(pickle.dumps(store)).opened, range(5)) == [*range(5)]
    assert not (tmp_path / "elsewhere" / "s").exists()


def test_the_oldest_make_room_though_the_clock_is_set_back(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_LOOK_S", 0.0)
    store, tokens = opened(max_mb=8), 2_000
    for number in range(300):
        monkeypatch.setattr(index_module.time, "time", lambda now=1e9 - 1000 * number: now)
        store.keep([(key(number), document(number, tokens))])
        store.find([key(0)])
    kept = [one is not None for one in store.find([key(number) for number in range(300)])]
    assert kept[0]
    assert kept[-50:] == [True] * 50
    assert not all(kept)


def test_emptying_a_store_gives_its_room_back_before_the_index_is_changed_which_a_full_disk_would_not_let(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    keep(store, range(5))

    def full(*_: object) -> None:
        raise failing("database or disk is full", sqlite3.SQLITE_FULL)

    monkeypatch.setattr(index_module.StoreIndex, "drop", full)
    with pytest.raises(ModelLoadError, match=r"disk of the document store .* is full") as caught:
        store.clear()
    assert "Make room" in str(caught.value)
    assert not list(store.path.glob("*.vectors"))
    monkeypatch.undo()
    assert found(opened(), range(5)) == []
    store.clear()
    keep(store, range(5))
    assert found(opened(), range(5)) == [*range(5)]


def test_a_folder_that_cannot_be_written_to_is_told_as_that(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(opened(), range(3))

    def refused(*_: object, **__: object) -> None:
        raise failing("unable to open database file", sqlite3.SQLITE_CANTOPEN)

    monkeypatch.setattr(store_module, "StoreIndex", refused)
    with pytest.raises(ModelLoadError, match="may be damaged"):
        opened()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ModelLoadError, match="cannot be written to") as caught:
        opened()
    assert "damaged" not in str(caught.value)


def test_a_store_that_cannot_be_written_is_read_and_says_once_that_it_keeps_nothing(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    keep(store, range(5))
    store.close()
    before = {path.name: path.read_bytes() for path in store.path.iterdir()}
    monkeypatch.setattr(os, "access", lambda *_: False)

    reader = opened(max_mb=9)
    assert found(reader, range(7)) == [*range(5)]
    for number in (5, 6):
        reader.keep([(key(number), document(number))])
    assert [one.message for one in reader.warnings()] == [
        f"The store {store.path} did not keep documents: it is read-only here, so that new ones are read again each time."
    ]
    assert found(reader, range(7)) == [*range(5)]
    assert reader.facts().documents == 5
    for change in (reader.clear, reader.compact):
        with pytest.raises(ModelLoadError, match="cannot be written to"):
            change()
    reader.close()
    assert {name: (store.path / name).read_bytes() for name in before} == before


def test_how_a_store_will_keep_vectors_is_said_without_making_it(tmp_path: Path) -> None:
    assert OpenStore(tmp_path / "none", 8).vectors() == "full"
    assert OpenStore(tmp_path / "none", 8, "small").vectors() == "small"
    assert not (tmp_path / "none").exists()


def test_what_is_located_is_not_looked_up_again_nor_noted_each_time(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    keep(store, range(5))
    asked: list[bytes] = []
    noted: list[int] = []
    find, use = index_module.StoreIndex.find, index_module.StoreIndex.use
    monkeypatch.setattr(
        index_module.StoreIndex, "find", lambda self, keys: (asked.extend(keys), find(self, keys))[1]
    )
    monkeypatch.setattr(
        index_module.StoreIndex, "use", lambda self, numbers: (noted.extend(numbers), use(self, numbers))[1]
    )
    monkeypatch.setattr(store_module, "_LOOK_S", 1e9)
    assert found(store, range(3)) == [0, 1, 2]
    assert found(store, range(5)) == [*range(5)]
    assert asked == [key(number) for number in range(5)]
    assert noted == []
    monkeypatch.setattr(store_module, "_LOOK_S", 0.0)
    assert found(store, range(5)) == [*range(5)]
    assert noted == [1]


def failing(message: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error
