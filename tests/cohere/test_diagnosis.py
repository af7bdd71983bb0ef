"""`localrank doctor` says for which vendors there is a key, and never the key."""

from __future__ import annotations

import pytest

from localrank_cohere.diagnosis import diagnose
from localrank_cohere.dialects.decisions import DECISION_SERVICES
from localrank_cohere.dialects.table import DIALECTS
from localrank_cohere.http.trust import trusted
from tests.cohere.conftest import KEY


def test_a_key_is_told_by_its_variable_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COHERE_API_KEY", KEY)
    findings = {one.name: one.value for section in diagnose() for one in section.findings}

    assert findings["cohere"] == "a key in COHERE_API_KEY"
    assert "jina (JINA_API_KEY), mixedbread (MXBAI_API_KEY or MIXEDBREAD_API_KEY)" in findings["no key for"]
    assert "cohere" not in findings["no key for"]
    assert KEY not in str(findings)


def test_every_service_is_told_once_with_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    (section,) = diagnose()
    missing = section.findings[-1].value
    services = (*DIALECTS, *DECISION_SERVICES)
    for dialect in (one for one in services if one.key_variables):
        assert missing.count(f"{dialect.provider} (") == 1
        for variable in dialect.key_variables:
            monkeypatch.setenv(variable, KEY)
    (section,) = diagnose()

    told = [one for one in section.findings if one.value.startswith("a key in ")]
    assert len(told) == len({service.provider for service in services if service.key_variables})
    assert "no key for" not in {one.name for one in section.findings}


def test_the_http_client_is_named_with_its_version() -> None:
    findings = {one.name: one for section in diagnose() for one in section.findings}

    assert findings["httpx2"].value[0].isdigit()


def test_the_way_out_is_told_by_its_variables_and_no_password_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://me:password@proxy:port")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:password@proxy:3128")
    monkeypatch.setenv("SSL_CERT_FILE", "/gone.pem")
    trusted.cache_clear()
    findings = {one.name: one for section in diagnose() for one in section.findings}

    assert findings["http proxy"].state == findings["certificates"].state == "broken"
    assert "HTTP_PROXY names no proxy" in findings["http proxy"].value
    assert findings["https proxy"].value == "named by HTTPS_PROXY"
    assert "SSL_CERT_FILE names no certificates: '/gone.pem'" in findings["certificates"].value
    assert "password" not in str(findings)
