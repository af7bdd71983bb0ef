"""Real shells complete with what `localrank completion` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shell import in_terminal, localrank, plain

SHELLS = {
    "bash": """
        eval "$(localrank completion bash)"
        COMP_WORDS=({words}) COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        _localrank_completion localrank
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """,
    "fish": """
        localrank completion fish | source
        complete -C '{words}'
    """,
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the command `localrank` of this checkout."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "localrank"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m localrank "$@"\n')
    program.chmod(0o755)
    return folder


def completed(shell: str, programs: Path, words: str) -> list[str]:
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(programs)}
    script = SHELLS[shell].format(words=words)
    done = subprocess.run(
        [shell, "-c", script], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    return [line.partition("\t")[0].partition(":")[0] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", list(SHELLS))
def test_commands_options_and_models_are_completed(shell: str, programs: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")

    assert completed(shell, programs, "localrank ev") == ["evaluate"]
    assert "--first-stage" in completed(shell, programs, "localrank evaluate --fi")
    assert {"mini", "minilm"} <= {*completed(shell, programs, "localrank rerank --model mini")}


def test_zsh_completes_what_is_typed(programs: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    typed = (
        'autoload -U compinit; compinit -u -D; eval "$(localrank completion zsh)"\n'
        "localrank ev\t --help\nlocalrank models path localrank-mi\t\nexit\n"
    )
    path = f"{programs}:{os.environ['PATH']}"
    _, shown = in_terminal(["zsh", "-f", "-i"], typed=typed.encode(), PATH=path, HOME=str(programs))

    assert "Usage: localrank evaluate" in plain(shown)
    assert "bundled/localrank_mini" in plain(shown)


def test_another_shell_is_refused_with_those_there_are() -> None:
    done = localrank("completion", "tcsh")

    assert (done.code, done.out) == (2, "")
    assert "'bash', 'zsh', 'fish'" in done.err
