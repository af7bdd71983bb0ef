"""`localrank train` on the command line, where no torch is needed."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from localrank_transformers.commands.train import train


def test_help_names_the_forms_of_data_and_how_to_resume() -> None:
    shown = CliRunner().invoke(train, ["--help"]).output
    assert '"positive"' in shown
    assert "--resume" in shown
    assert 'pip install "localrank[train]"' in shown


def test_without_data_or_a_folder_it_says_what_to_name(tmp_path: Path) -> None:
    data = tmp_path / "a.jsonl"
    data.write_text("")
    for arguments in ([], [str(data)], ["--out", str(tmp_path)]):
        result = CliRunner().invoke(train, arguments)
        assert result.exit_code == 2
        assert "Name DATA and --out, or --resume." in result.output


def test_a_run_that_goes_on_takes_no_other_settings(tmp_path: Path) -> None:
    result = CliRunner().invoke(train, ["--resume", str(tmp_path), "--epochs", "1", "a.jsonl"])
    assert result.exit_code == 2
    assert "leave out --epochs, DATA." in " ".join(result.output.split())
