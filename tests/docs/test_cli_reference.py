"""The page on the command line is what the commands say."""

from __future__ import annotations

from tests.docs.cli_reference import PAGE, reference


def test_the_reference_of_the_command_line_is_fresh() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run: python -m tests.docs.cli_reference"


def test_the_reference_names_every_option_of_rerank() -> None:
    text = reference().split("## localrank rerank")[1].split("\n## ")[0]

    for option in (
        "--top-k",
        "--model",
        "--paragraphs",
        "--text-key",
        "--threshold",
        "--compare",
        "--deadline",
    ):
        assert f"`{option}`" in text
