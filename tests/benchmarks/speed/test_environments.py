from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.speed import environments
from benchmarks.speed.environments import ENVIRONMENTS, Environment, prepare


def test_our_own_environment_is_the_running_interpreter(tmp_path: Path) -> None:
    assert prepare("localrank", tmp_path).python == Path(sys.executable)


def test_a_failed_install_is_remembered_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "fastembed").mkdir()
    digest = ENVIRONMENTS["fastembed"].digest
    (tmp_path / "fastembed" / "failed.txt").write_text(f"{digest}\npip install fastembed: ERROR: no\n")
    assert prepare("fastembed", tmp_path).failure == "pip install fastembed: ERROR: no"


def test_an_installed_environment_is_used_again(tmp_path: Path) -> None:
    (tmp_path / "fastembed").mkdir()
    (tmp_path / "fastembed" / "installed.txt").write_text(f"{ENVIRONMENTS['fastembed'].digest}\n")
    state = prepare("fastembed", tmp_path)
    assert (state.failure, state.python) == (None, tmp_path / "fastembed" / "bin" / "python")


def test_what_pip_cannot_install_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Environment("broken", (("./no-such-folder",),))
    monkeypatch.setitem(environments.ENVIRONMENTS, "broken", broken)
    state = prepare("broken", tmp_path)
    assert state.failure is not None
    assert "no-such-folder" in state.failure
    assert prepare("broken", tmp_path) == state
