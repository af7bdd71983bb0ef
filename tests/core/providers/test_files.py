from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from localrank.compose.single.calibration import fit_calibration
from localrank.evaluation import evaluate_sync, save_evaluation
from localrank.providers.files import replace_file
from tests.support.small_collection import RUN, small_collection

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from localrank.providers.files import replace_file
for number in range({count}):
    replace_file(Path({path!r}), sys.argv[1] * 100_000)
"""

WRITE_TOO_MUCH = """
import resource
from pathlib import Path
from localrank.providers.files import replace_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    replace_file(Path({path!r}), b"x" * 100_000)
except OSError as error:
    print(error.errno, error.filename)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", ["Grüße\n", b"\x00\xff"])
def test_a_file_gets_new_content(tmp_path: Path, content: str | bytes) -> None:
    (tmp_path / "a").write_text("old")
    replace_file(tmp_path / "a", content)
    assert (tmp_path / "a").read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert names(tmp_path) == ["a"]


def test_a_new_file_has_the_rights_that_any_new_file_has(tmp_path: Path) -> None:
    replace_file(tmp_path / "a", "new")
    (tmp_path / "b").write_text("new")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.skipif(sys.platform == "win32", reason="no limit to set")
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", WRITE_TOO_MUCH.format(path=str(path))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{errno.EFBIG} {path}\n"
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_an_interruption_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_file(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("place", ["absent/a", "file/a", "folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=place) as caught:
        replace_file(tmp_path / place, "new")
    assert caught.value.filename == str(tmp_path / place)
    assert names(tmp_path) == ["file", "folder"]


def test_processes_that_write_one_file_leave_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    program = WRITE_FOR_EVER.format(path=str(path), count=30)
    writers = [subprocess.Popen([sys.executable, "-c", program, letter]) for letter in "abc"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            content = path.read_text()
            seen.add((content[:1], len(set(content)), len(content)))
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert seen <= {(letter, 1, 100_000) for letter in "abc"}
    assert names(tmp_path) == ["a"]


def _calibration() -> Callable[[Path], None]:
    return fit_calibration([1.0, 2.0, 3.0, 4.0], [False, True, False, True]).save


def _evaluation() -> Callable[[Path], None]:
    found = evaluate_sync("lexical:default", small_collection(), first_stage=RUN, measures=["AP"])
    return lambda path: save_evaluation(found, path)


@pytest.mark.parametrize("saving", [_calibration, _evaluation])
def test_threads_that_save_to_one_file_do_not_disturb_each_other(
    tmp_path: Path, saving: Callable[[], Callable[[Path], None]]
) -> None:
    save, errors = saving(), list[Exception]()
    begin = threading.Barrier(6)

    def write() -> None:
        begin.wait()
        try:
            for _ in range(20):
                save(tmp_path / "saved.json")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert names(tmp_path) == ["saved.json"]
