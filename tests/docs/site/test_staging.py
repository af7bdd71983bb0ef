"""The pages of the site: each is in the menu, each link leads to a file, and what is linked comes along."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.site.navigation import CHILDREN, SECTIONS
from docs.site.staging import BrokenLinkError, stage

ROOT = Path(__file__).parents[3]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for name in ("README.md", "benchmarks/README.md", "docs/guides/first.md"):
        page = root / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"# {name}\n", "utf-8")
    return root


def test_every_page_of_the_repository_is_in_the_menu(tmp_path: Path) -> None:
    pages = stage(ROOT, tmp_path)

    beside = {f"{Path(page).parent}/{child}" for page, children in CHILDREN.items() for child in children}
    menu = [*(pattern for patterns in SECTIONS.values() for pattern in patterns), *beside]
    listed = {path for pattern in menu for path in tmp_path.glob(f"{pattern}.md")}
    assert {tmp_path / page for page in pages if str(page) != "README.md"} - listed == set()


def test_every_name_in_the_menu_is_a_page(tmp_path: Path) -> None:
    stage(ROOT, tmp_path)

    named = [name for names in SECTIONS.values() for name in names if "python" not in name]
    assert [name for name in named if not list(tmp_path.glob(f"{name}.md"))] == []


def test_the_readme_is_the_first_page_and_holds_the_menu(repository: Path, tmp_path: Path) -> None:
    stage(repository, tmp_path / "pages")

    text = (tmp_path / "pages/index.md").read_text("utf-8")
    assert text.startswith("# README.md\n")
    assert text.count("```{toctree}") == len(SECTIONS)


def test_what_a_page_links_to_comes_along_and_so_does_what_that_links_to(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "docs/guides/first.md").write_text(
        "[a](../../far.md#place) [b](https://example.com/x.md)", "utf-8"
    )
    (repository / "far.md").write_text("[figures](figures.json)", "utf-8")
    (repository / "figures.json").write_text("{}", "utf-8")

    pages = stage(repository, tmp_path / "pages")

    assert Path("far.md") in pages
    assert (tmp_path / "pages/figures.json").read_text("utf-8") == "{}"


PICTURE = """\
<picture><source media="(prefers-color-scheme: dark)" srcset="pictures/dark.svg">
<img alt="Points" src="pictures/light.svg" width="480"></picture>
"""


def test_a_picture_comes_along_in_both_shades_and_follows_the_switch_of_the_theme(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "README.md").write_text(f"# Home\n\n{PICTURE}", "utf-8")
    (repository / "pictures").mkdir()
    for shade in ("light", "dark"):
        (repository / f"pictures/{shade}.svg").write_text("<svg/>", "utf-8")

    stage(repository, tmp_path / "pages")

    page = (tmp_path / "pages/index.md").read_text("utf-8")
    assert (tmp_path / "pages/pictures/dark.svg").is_file()
    assert "<picture>" not in page
    for shade in ("light", "dark"):
        directive = (
            f"```{{image}} pictures/{shade}.svg\n:alt: Points\n:width: 480px\n:class: only-{shade}\n```"
        )
        assert directive in page


def test_a_picture_that_is_not_there_is_an_error(repository: Path, tmp_path: Path) -> None:
    (repository / "README.md").write_text(f"# Home\n\n{PICTURE}", "utf-8")

    with pytest.raises(BrokenLinkError, match=r"README\.md links to"):
        stage(repository, tmp_path / "pages")


def test_every_picture_of_the_readme_is_read_as_one(tmp_path: Path) -> None:
    stage(ROOT, tmp_path)

    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme.count("<picture>") == 2
    assert (tmp_path / "index.md").read_text("utf-8").count("```{image}") == 4


@pytest.mark.parametrize("target", ["missing.md", "../guides", "../../../outside.md"])
def test_a_link_to_what_is_no_file_of_the_repository_is_an_error(
    repository: Path, tmp_path: Path, target: str
) -> None:
    (tmp_path / "outside.md").write_text("# Outside\n", "utf-8")
    (repository / "docs/guides/first.md").write_text(f"[a]({target})", "utf-8")

    with pytest.raises(BrokenLinkError, match=r"docs/guides/first\.md links to"):
        stage(repository, tmp_path / "pages")
