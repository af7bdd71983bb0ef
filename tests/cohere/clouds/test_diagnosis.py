"""`localrank doctor` says what the clouds would find, by the names of variables, and never a key."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from localrank_cohere.clouds.diagnosis import diagnose

SECRET = "no-real-secret"


def findings() -> dict[str, str]:
    return {one.name: one.value for section in diagnose() for one in section.findings}


def test_what_is_not_there_is_named_by_its_variable() -> None:
    found = findings()

    assert found["botocore"] == version("botocore")
    assert found["bedrock"].startswith("no credentials (AWS_ACCESS_KEY_ID or")
    assert found["bedrock"].endswith("no region (AWS_REGION or AWS_DEFAULT_REGION)")
    assert "no project (GOOGLE_CLOUD_PROJECT or GCLOUD_PROJECT)" in found["vertex"]
    assert found["watsonx"].startswith("no key (WATSONX_APIKEY")
    assert found["azure"] == "no key (AZURE_AI_API_KEY)"
    assert found["cloudflare"].endswith("no account (CLOUDFLARE_ACCOUNT_ID)")


def test_what_is_there_is_told_by_its_variable_and_no_key_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "WATSONX_APIKEY", "CLOUDFLARE_API_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    found = findings()

    assert found["bedrock"] == "credentials named by AWS_ACCESS_KEY_ID; a region in AWS_DEFAULT_REGION"
    assert found["watsonx"].startswith("a key in WATSONX_APIKEY")
    assert found["cloudflare"].startswith("a key in CLOUDFLARE_API_TOKEN")
    assert SECRET not in str(found)
