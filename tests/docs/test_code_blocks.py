"""What README and docs show is what happens."""

from __future__ import annotations

import inspect
import re
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from pathlib import Path

import pytest

from tests.docs.code_blocks import python_blocks, run_page, same_output

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
PAGES_WITH_CODE = [page for page in PAGES if page.exists() and python_blocks(page.read_text("utf-8"))]
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")


_DRAWN = re.compile(r'\bsrc(?:set)?="([^"]+)"')


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=name_of)
def test_the_code_of_a_page_runs_and_prints_what_the_page_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for block, printed in run_page(page):
        if block.shown is not None:
            assert same_output(block.shown, printed), f"{name_of(page)}:{block.line} prints\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = [*(match[1] for match in _LINK.finditer(text) if match[1]), *_DRAWN.findall(text)]

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_begins_with_two_lines_for_scripts_and_notebooks_then_async_code_each_with_its_output() -> (
    None
):
    lines = (ROOT / "README.md").read_text("utf-8").splitlines(keepends=True)
    blocking, awaited = python_blocks("".join(lines))

    assert len(lines) <= 60
    assert (blocking.line, blocking.source.count("\n")) == (4, 2)
    assert "rerank_sync(" in blocking.source
    assert "asyncio.run(rerank(" in awaited.source
    assert blocking.shown is not None
    assert awaited.shown is not None


WHERE_AWAIT_WORKS = "# in a notebook cell, or inside an async function\n"


def awaits_at_the_top(source: str) -> bool:
    flags = compile(source, "page", "exec", flags=PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True).co_flags
    return bool(flags & inspect.CO_COROUTINE)


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=name_of)
def test_code_that_awaits_outside_a_function_says_where_that_works(page: Path) -> None:
    for block in python_blocks(page.read_text("utf-8")):
        said = block.source.startswith(WHERE_AWAIT_WORKS)
        assert said == awaits_at_the_top(block.source), f"{name_of(page)}:{block.line}"


def test_a_block_with_a_wrong_output_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n", "utf-8")

    assert [(block.shown, printed) for block, printed in run_page(page)] == [("3\n", "2\n")]


def test_a_marked_block_is_not_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: needs a key -->\n\n```python\nraise SystemExit\n```\n", "utf-8")

    assert list(run_page(page)) == []


@pytest.mark.parametrize(("package", "printed"), [("no_such_package", []), ("json", ["1\n"])])
def test_a_block_that_needs_a_package_runs_where_it_is_installed(
    tmp_path: Path, package: str, printed: list[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"<!-- needs: {package} -->\n\n```python\nprint(1)\n```\n", "utf-8")

    assert printed == [output for _, output in run_page(page)]


def test_blocks_of_a_page_share_names_and_may_await(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nimport anyio\nx = 1\n```\n\n```python\nawait anyio.sleep(0)\nprint(x)\n```\n", "utf-8"
    )

    assert [printed for _, printed in run_page(page)] == ["", "1\n"]


@pytest.mark.parametrize(
    ("same", "shown", "printed"),
    [
        (True, "1 0.771 RAG", "1 0.774 RAG"),
        (True, "1 0.74 RAG", "1 0.76 RAG"),
        (False, "1 0.74 RAG", "1 0.82 RAG"),
        (False, "1 0.771 RAG", "1 0.871 RAG"),
        (False, "1 0.771 RAG", "1 0.771 Paris"),
        (False, "1 0.771 RAG", "2 0.771 RAG"),
    ],
)
def test_outputs_agree_word_for_word_and_scores_nearly(same: bool, shown: str, printed: str) -> None:
    assert same == same_output(shown, printed)
