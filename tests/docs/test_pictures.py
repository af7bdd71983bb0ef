"""The pictures of README show what the commands print now, and load nothing."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("pty", reason="needs a system with pseudo-terminals")
pytest.importorskip("ir_measures", reason="needs the extra `eval`")

from docs.pictures.__main__ import COMMAND, MODELS, measured
from docs.pictures.terminal import DARK, LIGHT, picture, printed
from tests.docs.code_blocks import same_output

FOLDER = Path(__file__).parents[2] / "docs/pictures"
PICTURES = [f"{name}-{shade}.svg" for name in ("quality", "ranking") for shade in ("dark", "light")]
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str, tag: str = "text") -> list[str]:
    return [" ".join((element.text or "").split()) for element in ElementTree.fromstring(svg).iter(SVG + tag)]


def test_the_ranking_is_what_the_command_in_it_prints_now() -> None:
    shown = printed(COMMAND)

    for name, theme in (("light", LIGHT), ("dark", DARK)):
        kept = (FOLDER / f"ranking-{name}.svg").read_text("utf-8")
        assert same_output("\n".join(texts(kept)), "\n".join(texts(picture(COMMAND, shown, theme))))
        assert any(
            'localrank rerank "How do I reset the router?" examples/notes' in text for text in texts(kept)
        )


def test_the_points_of_the_plot_are_what_is_measured_now() -> None:
    fast = {name: model for name, model in MODELS.items() if "mini" not in name}
    found = measured(fast)

    for shade in ("light", "dark"):
        points = texts((FOLDER / f"quality-{shade}.svg").read_text("utf-8"), "title")
        assert len(points) == len(MODELS)
        for name in fast:
            (point,) = (text for text in points if text.startswith(f"{name}: "))
            assert same_output(point.partition(",")[0], f"{name}: nDCG@10 {found[name].means['nDCG@10']:.4f}")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_small_and_loads_nothing(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")

    assert len(text) < 15_000
    assert not re.search(r"url\((?!#)|@import|href", text)
