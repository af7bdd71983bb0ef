"""The reference of the site holds each public name of each package."""

from __future__ import annotations

import inspect
import re
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


RERANKERS = [
    (package, name)
    for package in ("localrank", "localrank_transformers", "localrank_cohere", "localrank.testing")
    for name in import_module(package).__all__
    if name[0].isupper()
    and {"do_rerank", "do_rerank_sync"} & set(dir(getattr(import_module(package), name)))
    and "Model" not in name
]


def documented(package: str, name: str) -> set[str]:
    """Return the settings that the docstring of a class says, or those of the class that it sends to."""
    text = inspect.getdoc(getattr(import_module(package), name)) or ""
    own = set(re.findall(r"^ +\*{0,2}(\w+):", text, re.MULTILINE))
    elsewhere = re.search(r"rguments: see\s+`(\w+)`", text)
    return own | documented(package, elsewhere[1]) if elsewhere else own


def test_the_rerankers_of_all_packages_are_looked_at() -> None:
    assert {"OnnxReranker", "TorchReranker", "CohereReranker", "Cascade"} <= {name for _, name in RERANKERS}


@pytest.mark.parametrize(("package", "name"), RERANKERS)
def test_every_setting_of_a_reranker_is_in_its_docstring(package: str, name: str) -> None:
    settings = set(inspect.signature(getattr(import_module(package), name)).parameters) - {"args", "kwargs"}

    assert settings <= documented(package, name)
