from __future__ import annotations

import io
import json
from importlib.metadata import EntryPoint

import pytest
from rich.console import Console

from localrank import __version__
from localrank.cli.doctor import _show
from localrank.cli.main import main
from localrank.providers import diagnosis
from localrank.providers.diagnosis import Finding, Section, diagnoses
from tests.support.shell import localrank, plain


def test_the_doctor_reports_versions_engines_processor_model_and_a_timed_run() -> None:
    done = localrank("doctor", "--json")
    found = {(one["section"], one["name"]): one for one in map(json.loads, done.out.splitlines())}

    assert done.code == 0
    assert found["Installation", "localrank"]["value"].startswith(__version__)
    assert "CPUExecutionProvider" in found["Local engines", "onnxruntime"]["value"]
    assert "usable of" in found["Processor", "cores"]["value"]
    assert "checksums right" in found["Local models", "localrank-mini"]["value"]
    assert "pairs a second" in found["Self-test", "next call"]["value"]
    assert found["Self-test", "ranking"]["state"] == "ok"


def test_the_doctor_reads_well_without_a_terminal() -> None:
    done = localrank("doctor")

    assert done.out.splitlines()[0] == "Installation"
    assert done.out.endswith("\nEverything works.\n")
    assert "\x1b" not in done.out


def test_a_broken_model_ends_the_doctor_with_1() -> None:
    done = localrank("doctor", "--model", "onnx:/no/such/folder")

    assert done.code == 1
    assert "✗ onnx:/no/such/folder" in done.out
    assert done.out.endswith("1 thing broken.\n")


def fake_hooks(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    entries = [EntryPoint("other", value, diagnosis.ENTRY_POINT_GROUP) for value in values]
    monkeypatch.setattr(diagnosis, "entry_points", lambda group: entries)


def sick() -> list[Section]:
    return [Section("Elsewhere", (Finding("wire", "cut", "broken", "Mend it."),))]


def crashing() -> list[Section]:
    raise OSError("no such thing")


def test_a_provider_brings_its_own_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_hooks(monkeypatch, f"{__name__}:sick")

    assert diagnoses() == sick()


def test_a_hook_that_fails_is_a_broken_finding_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_hooks(monkeypatch, f"{__name__}:crashing", "no.such.module:hook", f"{__name__}:sick")
    states = [one.state for section in diagnoses() for one in section.findings]

    assert states == ["broken", "broken", "broken"]
    assert diagnoses()[0].findings[0].value == "OSError: no such thing"
    assert diagnoses()[-1] == sick()[0]


def test_a_broken_finding_is_shown_with_its_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_hooks(monkeypatch, f"{__name__}:sick")

    assert main(["doctor", "--model", "lexical:default"]) == 1
    shown = capsys.readouterr().out
    assert "✗ wire" in shown
    assert "Mend it." in shown


def test_a_model_of_the_environment_that_cannot_be_is_told_with_its_variable() -> None:
    ended = localrank("doctor", LOCALRANK_MODEL="onnx")

    assert ended.code == 1
    assert "LOCALRANK_MODEL=onnx" in ended.out
    assert "a provider without a model" in ended.out


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_long_list_is_wrapped_beside_its_name_in_a_terminal_and_whole_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    out = Console(file=io.StringIO(), width=60, force_terminal=is_terminal, color_system=None)
    monkeypatch.setattr("localrank.cli.doctor.console", lambda: out)
    words, path = ", ".join(f"provider-{number}" for number in range(20)), "/a/long/path" * 6

    _show([Section("Providers", (Finding("available", words), Finding("place", f"found in {path}")))])

    lines = plain(out.file.getvalue()).splitlines()  # type: ignore[attr-defined]
    first, *rest = [line for line in lines if "provider-" in line]
    if is_terminal:
        assert max(map(len, [first, *rest])) <= 60
        assert {line.index("provider-") for line in rest} == {first.index("provider-")} == {15}
    else:
        assert first.endswith(words)
    assert path in "".join(lines)
