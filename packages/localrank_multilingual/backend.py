"""Makes the wheel with the standard library alone (PEP 517), so that installing from the checkout needs no index."""

from __future__ import annotations

import base64
import hashlib
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MODULE = "localrank_multilingual"
_PAPERS = ("LICENSE*", "NOTICE")
_SAME_TIME = (2026, 1, 1, 0, 0, 0)
"""Of every file, so that the same files make the same wheel."""


def build_wheel(wheel_directory: str, _config_settings: Any = None, _metadata_directory: Any = None) -> str:
    """Write the wheel into a folder and return its name."""
    with (HERE / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)["project"]
    stem = f"{MODULE}-{project['version']}"
    name = f"{stem}-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, content in _files(project, f"{stem}.dist-info"):
            _write(archive, path, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(content)}\n")
        place = f"{stem}.dist-info/RECORD"
        _write(archive, place, "".join([*record, f"{place},,\n"]).encode())
    return name


def _files(project: dict[str, Any], info: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted((HERE / MODULE).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(HERE).as_posix(), path.read_bytes()
    papers = [path for pattern in _PAPERS for path in sorted((HERE / MODULE).glob(pattern))]
    for path in papers:
        yield f"{info}/licenses/{path.name}", path.read_bytes()
    yield f"{info}/METADATA", _metadata(project, [path.name for path in papers]).encode()
    yield (
        f"{info}/WHEEL",
        b"Wheel-Version: 1.0\nGenerator: localrank\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    )
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in own.items())
        for group, own in project["entry-points"].items()
    )
    yield f"{info}/entry_points.txt", points.encode()


def _metadata(project: dict[str, Any], papers: list[str]) -> str:
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        *(f"License-File: {name}" for name in papers),
        f"Requires-Python: {project['requires-python']}",
        f"Keywords: {','.join(project['keywords'])}",
        *(f"Classifier: {one}" for one in project["classifiers"]),
        "Description-Content-Type: text/markdown",
    ]
    return "\n".join(lines) + "\n\n" + (HERE / project["readme"]).read_text("utf-8")


def _write(archive: zipfile.ZipFile, path: str, content: bytes) -> None:
    info = zipfile.ZipInfo(path, _SAME_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, content, compresslevel=9)
