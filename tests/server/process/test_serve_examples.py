"""The files of `examples/serve`: read by what reads them, where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localrank.server import create_app
from localrank.server.process.settings import read_settings
from localrank.testing import LexicalReranker
from tests.support.serving import serving

HADOLINT = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
FOLDER = Path(__file__).parents[3] / "examples/serve"


def test_the_example_file_is_read() -> None:
    settings = read_settings(FOLDER / "serve.toml", {"port": 0})

    assert (settings.port, settings.preload, settings.limits.timeout) == (0, True, 30.0)
    assert [spec for _, spec in settings.models] == ["localrank-mini", "localrank-mini", "localrank-tiny"]


def test_paths_in_the_file_are_beside_it_and_options_win(tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text('document_store = "kept"\n')

    told = read_settings(tmp_path / "serve.toml", {})
    asked = read_settings(tmp_path / "serve.toml", {"document_store": tmp_path / "other"})

    assert (told.document_store, asked.document_store) == (tmp_path / "kept", tmp_path / "other")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_can_read_the_example_unit() -> None:
    unit = FOLDER / "localrank.service"
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], check=False, capture_output=True, text=True, timeout=60
    )

    ours = [
        line for line in done.stderr.splitlines() if "localrank" in line and "is not executable" not in line
    ]
    assert ours == []


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed (extra interop)")
def test_the_container_file_has_nothing_that_its_linter_minds() -> None:
    # its wish for a pinned version would make the example old with the next release
    command = [str(HADOLINT), "--ignore", "DL3013", str(FOLDER / "Containerfile")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.returncode) == ("", 0)


def test_what_the_container_asks_for_its_health_is_answered() -> None:
    line = next(
        line
        for line in (FOLDER / "Containerfile").read_text("utf-8").splitlines()
        if line.startswith("HEALTHCHECK")
    )
    script = json.loads(line.partition("CMD ")[2])[2]
    with serving(create_app({"words": LexicalReranker()}, api_keys=["a-long-enough-key"])) as client:
        port = client.url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-c", script.replace("8787", port)], check=False, capture_output=True, timeout=60
        )

    assert done.returncode == 0, done.stderr
