from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint

import click
import pytest

from localrank import __version__
from localrank.cli import group
from localrank.cli.main import main
from localrank.cli.output import EXIT_CODES, ExitCode, code_of
from localrank.contract import errors
from tests.support.shell import localrank


@click.command()
def hello() -> None:
    """Greet."""
    click.echo("hello from elsewhere")


@click.command()
def leaver() -> None:
    """Leave."""
    sys.exit(7)


@click.group()
def others() -> None:
    """Gather."""


others.add_command(hello)

NO_COMMAND = "text"


def install(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    entries = [EntryPoint(name, value, group.ENTRY_POINT_GROUP) for name, value in values.items()]
    monkeypatch.setattr(group, "entry_points", lambda group: entries)


def test_an_installed_package_brings_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, hello=f"{__name__}:hello")

    assert main(["hello"]) == 0
    assert capsys.readouterr().out == "hello from elsewhere\n"


def test_a_broken_command_says_why_and_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, hello=f"{__name__}:hello", gone="no.such.module:x", odd=f"{__name__}:NO_COMMAND")

    assert main(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "gone (cannot be loaded from an installed package)" in shown
    assert "hello Greet." in shown
    assert main(["gone", "--any", "thing"]) == 1
    assert "'gone' of an installed package cannot be loaded: ModuleNotFoundError" in capsys.readouterr().err
    assert main(["odd"]) == 1
    assert "is no click command" in capsys.readouterr().err


def test_an_installed_package_cannot_replace_our_own_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, demo=f"{__name__}:hello")

    assert main(["demo", "--json", "--model", "lexical:default"]) == 0
    assert "hello from elsewhere" not in capsys.readouterr().out


def test_the_models_command_comes_from_the_local_provider() -> None:
    assert "localrank-mini" in localrank("models", "list").out


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_a_reader_of_another_packages_command_may_leave() -> None:
    script = f'"{sys.executable}" -m localrank models list | true; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=30)

    assert (done.stdout, done.stderr) == (b"0\n", b"")


def test_a_command_may_end_with_a_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, leaver=f"{__name__}:leaver")

    with pytest.raises(SystemExit) as caught:
        main(["leaver"])
    assert caught.value.code == 7


def test_no_arguments_show_the_help() -> None:
    done = localrank()

    assert (done.code, done.err) == (0, "")
    assert done.out == localrank("--help").out


def test_a_group_of_another_package_shows_its_help_without_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, others=f"{__name__}:others")
    code = main(["others"])
    shown = capsys.readouterr()

    assert code in {0, 2}  # as click decides
    assert "Usage: localrank others" in shown.out + shown.err
    assert (shown.out + shown.err).count("\n") > 3


def test_the_version_is_the_packages() -> None:
    assert localrank("--version").out == f"localrank, version {__version__}\n"


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a process here")
def test_ctrl_c_after_the_command_has_ended_shows_no_traceback() -> None:
    program = """
import atexit, os, signal, sys
from localrank.cli.main import main
atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.argv = ["localrank", "--version"]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
    assert __version__ in done.stdout


def test_help_loads_no_rich_and_no_engine() -> None:
    code = (
        "import sys; from localrank.cli.main import main; main(['rerank', '--help']); main(['--help']); "
        "print([m for m in ('rich', 'numpy', 'onnxruntime', 'tokenizers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=30)

    assert done.stdout.decode().splitlines()[-1] == "[]"


def test_every_exit_code_has_a_meaning_and_stands_on_a_line_of_its_own_in_a_help() -> None:
    shown = localrank("rerank", "--help").out + localrank("batch", "--help").out

    assert all(f"{code:>3}  {meaning}\n" in shown for code, meaning in EXIT_CODES.items())
    assert set(EXIT_CODES) == set(ExitCode)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UnknownModelError("x"), 4),
        (errors.ModelLoadError("x"), 4),
        (errors.MissingDependencyError("x"), 4),
        (errors.MissingAPIKeyError("x"), 4),
        (errors.RerankTimeoutError("x"), 5),
        (errors.RerankAbortedError("x"), 130),
        (errors.InferenceError("x"), 1),
        (errors.RateLimitError("x"), 1),
        (errors.RetryError("x"), 1),
        (errors.RetryError("x", errors=[errors.RateLimitError("y"), errors.ModelLoadError("z")]), 4),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: errors.RerankError, code: int) -> None:
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("given", "meant"), [("rerrank", "'rerank'"), ("trian", "'train'"), ("model", "'models'")]
)
def test_a_mistyped_command_brings_the_near_one(given: str, meant: str) -> None:
    done = localrank(given)

    assert (done.code, done.out) == (2, "")
    assert f"No such command {given!r}. Did you mean {meant}" in done.err
