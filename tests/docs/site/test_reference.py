"""The reference of the site holds each public name of each package."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from docs.site.reference import PACKAGES, write_reference


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_of_a_package_is_on_its_page(package: str, tmp_path: Path) -> None:
    write_reference(tmp_path)

    (page,) = tmp_path.glob(f"*-{package}.rst")
    lines = page.read_text("utf-8").splitlines()
    names = [name for name in import_module(package).__all__ if not name.startswith("__")]
    assert names
    assert [name for name in names if not any(line.endswith(f":: {package}.{name}") for line in lines)] == []


@pytest.mark.parametrize(
    ("name", "directive"),
    [
        ("localrank.rerank", "autofunction"),
        ("localrank.Cascade", "autoclass"),
        ("localrank.evaluation.DEFAULT_MEASURES", "autodata"),
    ],
)
def test_a_name_is_documented_as_what_it_is(name: str, directive: str, tmp_path: Path) -> None:
    write_reference(tmp_path)

    assert f".. {directive}:: {name}\n" in "".join(page.read_text("utf-8") for page in tmp_path.iterdir())
