"""The wheel and the source distribution hold the embedded model, its papers and right metadata."""

from __future__ import annotations

import email
import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from email.message import Message
from pathlib import Path

import pytest

from localrank_transformers.models.bundled import SHA256

ROOT = Path(__file__).parents[2]
PAPERS = ("MODEL_CARD.md", "NOTICE", "LICENSE-CC-BY-SA-4.0")
FOLDERS = {name: f"localrank_transformers/models/bundled/{name.replace('-', '_')}" for name in SHA256}
SUMS = {f"{FOLDERS[name]}/{file}": value for name, files in SHA256.items() for file, value in files.items()}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    environment = {**os.environ, "CC": "false"}  # the kernels have tests of their own
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Mapping[str, bytes]:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def sdist(dist: Path) -> Mapping[str, bytes]:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {member.name.partition("/")[2]: archive.extractfile(member).read() for member in members}  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def metadata(wheel: Mapping[str, bytes]) -> Message:
    return email.message_from_bytes(next(text for name, text in wheel.items() if name.endswith("/METADATA")))


@pytest.mark.parametrize("file", SUMS)
def test_the_model_in_the_wheel_has_the_recorded_sum(wheel: Mapping[str, bytes], file: str) -> None:
    assert SUMS[file] == hashlib.sha256(wheel[file]).hexdigest()


@pytest.mark.parametrize("file", SUMS)
def test_the_model_in_the_source_distribution_has_the_recorded_sum(
    sdist: Mapping[str, bytes], file: str
) -> None:
    assert SUMS[file] == hashlib.sha256(sdist[file]).hexdigest()


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("folder", FOLDERS.values())
def test_the_papers_lie_beside_the_model(
    wheel: Mapping[str, bytes], sdist: Mapping[str, bytes], folder: str, paper: str
) -> None:
    expected = (ROOT / folder / paper).read_bytes()

    assert expected == wheel[f"{folder}/{paper}"] == sdist[f"{folder}/{paper}"]


def test_the_metadata_name_every_licence_file(wheel: Mapping[str, bytes], metadata: Message) -> None:
    folder = FOLDERS["localrank-mini"]
    expected = {"LICENSE", f"{folder}/NOTICE", f"{folder}/LICENSE-CC-BY-SA-4.0"}

    assert metadata["License-Expression"] == "Apache-2.0 AND CC-BY-SA-4.0"
    assert expected <= set(metadata.get_all("License-File", []))
    assert all(any(name.endswith(f".dist-info/licenses/{file}") for name in wheel) for file in expected)


def test_the_readme_is_the_description(metadata: Message) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")

    assert readme.strip() == bytes(metadata.get_payload(decode=True)).decode("utf-8").strip()  # type: ignore[arg-type]


def test_type_information_is_in_the_wheel(wheel: Mapping[str, bytes]) -> None:
    packages = ("localrank", "localrank_transformers", "localrank_cohere")

    assert [name for name in packages if f"{name}/py.typed" not in wheel] == []


def test_the_wheel_holds_no_tests_and_the_source_distribution_does(
    wheel: Mapping[str, bytes], sdist: Mapping[str, bytes]
) -> None:
    assert not [name for name in wheel if name.startswith("tests/")]
    assert "tests/conftest.py" in sdist
