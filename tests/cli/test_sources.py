"""Files and standard input as streams of bytes."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from localrank.cli.output import InputError
from localrank.cli.reading import Reading, read_documents
from localrank.cli.sources import Opening, bytes_of, kept_sources, opened


def test_no_more_of_a_file_is_read_than_its_lines_need(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"one line of many\n" * 500_000)
    read = 0

    def count(size: int) -> None:
        nonlocal read
        read += size

    documents = read_documents([str(path)], Reading(opening=Opening(on_bytes=count)))
    first = next(documents)
    documents.close()

    assert first.text == "one line of many"
    assert read < 1_000_000


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 600_000])
def test_every_byte_comes_once_and_is_counted(tmp_path: Path, size: int) -> None:
    path = tmp_path / "some.txt"
    path.write_bytes(content := bytes(32 + number % 64 for number in range(size)))
    counted: list[int] = []

    with opened(str(path), Opening(on_bytes=counted.append)) as found:
        assert found.stream.read() == content

    assert sum(counted) == size == bytes_of([str(path)])


@pytest.mark.skipif(sys.platform == "win32", reason="has no pipes with a name")
def test_a_pipe_is_kept_and_read_as_often_as_needed(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("one\ntwo\n",))
    writer.start()

    with kept_sources([str(pipe)]) as kept:
        writer.join()
        reading = Reading(opening=Opening(kept))
        twice = [[one.text for one in read_documents([str(pipe)], reading)] for _ in range(2)]
        assert bytes_of([str(pipe)], kept) == 8

    assert twice == [["one", "two"], ["one", "two"]]


def test_a_terminal_at_its_end_is_not_asked_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    class Typed(io.BytesIO):
        ends = 0

        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            self.ends += len(piece) < (size or 0)
            assert self.ends < 2, "a person would have to end the input twice"
            return piece

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Typed(b"typed\n")))

    assert [one.text for one in read_documents((), Reading())] == ["typed"]


def test_a_source_for_which_there_is_no_room_says_what_helps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped\n")))

    with (
        pytest.raises(
            InputError, match=r"standard input can be read only once and cannot be kept .*Set TMPDIR"
        ),
        kept_sources(()),
    ):
        pass
