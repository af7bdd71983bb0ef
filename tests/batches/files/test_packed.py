"""Files packed by gzip and zstd are read as plain ones are, and damage is one error."""

from __future__ import annotations

import gzip
import sys
from importlib import import_module
from pathlib import Path

import pytest

from localrank import InvalidRequestError, MissingDependencyError
from localrank.batches import BatchJob, run_batch
from localrank.batches.files import packed as packed_module
from localrank.batches.files.packed import opened, packed, packing_of, reading, without_packing
from localrank.testing import LexicalReranker
from tests.batches.conftest import WriteRows, some_rows

CONTENT = b"line\n" * 50_000
zstd = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "A.JSONL.ZST"])
def test_what_is_packed_comes_out_as_it_was_and_packs_the_same_each_time(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(packed(CONTENT, packing_of(path)))
    with opened(path) as file:
        assert file.read() == CONTENT
    assert packed(CONTENT, packing_of(path)) == path.read_bytes()
    assert without_packing(path) == "a.jsonl"


def test_pieces_packed_apart_are_one_file(tmp_path: Path) -> None:
    for name in ("a.gz", "a.zst"):
        path = tmp_path / name
        path.write_bytes(packed(b"one\n", packing_of(path)) + packed(b"two\n", packing_of(path)))
        with opened(path) as file:
            assert file.read() == b"one\ntwo\n"


def test_the_widest_window_of_zstd_is_read(tmp_path: Path) -> None:
    options = {zstd.CompressionParameter.window_log: 28, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    (tmp_path / "a.zst").write_bytes(compressor.compress(CONTENT) + compressor.flush())
    with opened(tmp_path / "a.zst") as file:
        assert file.read() == CONTENT


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "none of it"])
def test_damage_is_one_error(name: str, damage: str, tmp_path: Path) -> None:
    path = tmp_path / name
    content = packed(bytes(range(256)) * 400 if name.endswith("gz") else CONTENT, packing_of(path))
    middle = len(content) // 2
    flipped = (
        content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 8]) + content[middle + 8 :]
    )
    path.write_bytes({"cut": content[:middle], "flipped": flipped, "none of it": b"plain text"}[damage])

    with pytest.raises(InvalidRequestError, match="cannot be read"), reading(path), opened(path) as file:
        file.read()


def test_a_cut_off_input_is_one_error_of_a_job(write: WriteRows) -> None:
    source = write("in.jsonl.gz", some_rows())
    source.write_bytes(gzip.compress(b'{"query": "q", "text": "t"}\n' * 9_000)[:-9])

    with pytest.raises(InvalidRequestError, match=r"in\.jsonl\.gz cannot be read"):
        run_batch(BatchJob(source, source.parent / "out"), LexicalReranker())


def test_without_what_reads_zstd_the_command_that_installs_it_is_named(
    write: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write("in.jsonl.zst", some_rows())

    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(packed_module, "import_module", absent)
    with pytest.raises(MissingDependencyError, match=r'pip install "localrank\[batch\]"'):
        run_batch(BatchJob(source, source.parent / "out"), LexicalReranker())
