"""`localrank doctor` says for which vendors there is a key, and never the key."""

from __future__ import annotations

import pytest

from localrank_cohere.diagnosis import diagnose
from tests.cohere.conftest import KEY


def test_a_key_is_told_by_its_variable_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COHERE_API_KEY", KEY)
    findings = {one.name: one.value for section in diagnose() for one in section.findings}

    assert findings["cohere"] == "a key in COHERE_API_KEY"
    assert findings["jina"] == "no key (JINA_API_KEY)"
    assert KEY not in str(findings)


def test_the_http_client_is_named_with_its_version() -> None:
    findings = {one.name: one for section in diagnose() for one in section.findings}

    assert findings["httpx2"].value[0].isdigit()
