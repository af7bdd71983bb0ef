"""What tests of the clouds share: an environment that names nothing, and nothing kept from another test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localrank_cohere.clouds import aws, google, iam

_PREFIXES = ("AWS_", "AZURE_", "CLOUDFLARE_", "GCLOUD_", "GOOGLE_", "WATSONX_")


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(_PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    yield
    aws._sessions.forget()
    google._found_here.forget()
    iam._kept.clear()
