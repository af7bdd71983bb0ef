"""The wheel of the multilingual model is made without anything from an index, and holds the model, its papers and its name."""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import runpy
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from localrank_transformers.models.bundled.separate import GROUP
from tests.support.separate_package import PACKAGE

pytestmark = pytest.mark.skipif(not PACKAGE.is_dir(), reason="the package's folder is of a checkout")
INFO = "localrank_multilingual-0.3.0.dist-info"
AT_MOST_MB = 45


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    name = runpy.run_path(str(PACKAGE / "backend.py"))["build_wheel"](str(folder))
    return folder / str(name)


@pytest.fixture(scope="module")
def wheel(place: Path) -> Mapping[str, bytes]:
    with zipfile.ZipFile(place) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_is_small_enough_and_named_as_installers_want_it(place: Path) -> None:
    assert place.name == "localrank_multilingual-0.3.0-py3-none-any.whl"
    assert place.stat().st_size < AT_MOST_MB * 1e6


def test_every_file_that_is_read_has_the_recorded_sum(wheel: Mapping[str, bytes]) -> None:
    sums = runpy.run_path(str(PACKAGE / "localrank_multilingual/__init__.py"))["SHA256"]
    assert len(sums) == 5
    for name, digest in sums.items():
        assert hashlib.sha256(wheel[f"localrank_multilingual/{name}"]).hexdigest() == digest


def test_its_record_names_every_file_with_sum_and_size(wheel: Mapping[str, bytes]) -> None:
    rows = list(csv.reader(wheel[f"{INFO}/RECORD"].decode().splitlines()))
    assert {path for path, _, _ in rows} == set(wheel)
    for path, digest, size in rows[:-1]:
        found = base64.urlsafe_b64encode(hashlib.sha256(wheel[path]).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={found}", len(wheel[path]))
    assert rows[-1] == [f"{INFO}/RECORD", "", ""]


def test_papers_card_and_entry_point_are_in_it(wheel: Mapping[str, bytes]) -> None:
    metadata = email.message_from_bytes(wheel[f"{INFO}/METADATA"])
    papers = metadata.get_all("License-File")
    assert papers == ["LICENSE-APACHE-2.0", "LICENSE-CC-BY-SA-4.0", "LICENSE-MIT", "NOTICE"]
    assert all(f"{INFO}/licenses/{name}" in wheel for name in papers)
    assert (metadata["Name"], metadata["Version"]) == ("localrank-multilingual", "0.3.0")
    assert metadata["License-Expression"] == "CC-BY-SA-4.0 AND MIT AND Apache-2.0"
    assert "# localrank-multilingual" in metadata.get_payload()
    points = wheel[f"{INFO}/entry_points.txt"].decode()
    assert points == f"[{GROUP}]\nlocalrank-multilingual = localrank_multilingual\n"
