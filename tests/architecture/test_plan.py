"""The rooms stay few, small and one above the other."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.plan import PACKAGES, ROOT, Plan, entries_of, plans

LOCAL = "localrank_transformers"
MOST_ENTRIES = 9
MOST_ARROWS = 40


@pytest.fixture(scope="module")
def counted() -> dict[str, Plan]:
    return {plan.name: plan for plan in plans()}


def test_a_folder_shows_few_entries() -> None:
    shown = {
        folder: names
        for folder, names in entries_of().items()
        if folder.startswith((LOCAL, "localrank/compose"))
    }

    assert {LOCAL, f"{LOCAL}/call", f"{LOCAL}/models/bundled/localrank_mini", "localrank/compose"} <= {*shown}
    assert {folder: names for folder, names in shown.items() if len(names) > MOST_ENTRIES} == {}


def test_no_arrow_between_rooms_leads_up(counted: dict[str, Plan]) -> None:
    ordered = {name: plan.up for name, plan in counted.items() if plan.up is not None}

    assert ordered == {"localrank": (), LOCAL: (), "localrank_cohere": ()}


def test_no_rooms_of_a_folder_reach_each_other(counted: dict[str, Plan]) -> None:
    assert {name: plan.circles for name, plan in counted.items() if plan.circles} == {}


def test_the_rooms_of_the_local_models_have_few_arrows(counted: dict[str, Plan]) -> None:
    assert len(counted[LOCAL].rooms) - 1 <= len(counted[LOCAL].arrows) <= MOST_ARROWS


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import {0}.engines.choice", ["up, in {0}: models -> engines", "circle, in {0}: engines, "]),
        (
            "if TYPE_CHECKING:\n    from {0}.engines import choice",
            ["up, in {0}: models -> engines", "circle, in {0}: engines, "],
        ),
        (
            "def late():\n    from {0}.models.location import x",
            ["circle, in {0}.models: "],
        ),
        ("from {0}.call.planner import planned", ["up, in {0}: models -> call"]),
    ],
    ids=["plain", "for types", "late", "on one level"],
)
def test_a_planted_arrow_is_counted(tmp_path: Path, line: str, found: list[str]) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.onnx", "*.so"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    features = tmp_path / LOCAL / "models/cpu_features.py"
    features.write_text(f"{features.read_text('utf-8')}\n{line.format(LOCAL)}\n", "utf-8")

    printed = subprocess.run(
        [sys.executable, ROOT / "tests/architecture/plan.py", tmp_path],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout

    assert [text for text in found if text.format(LOCAL) not in printed] == []
