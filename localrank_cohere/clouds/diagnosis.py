"""What `localrank doctor` learns of the clouds: whose library is installed, and what the environment names. No key is shown.

Nothing is connected, and no chain of credentials is searched: one ends at token servers.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from localrank.providers.diagnosis import Finding, Section
from localrank_cohere.dialects.rows.clouds import AZURE, CLOUDFLARE, WATSONX

__all__ = ["diagnose"]

_AWS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_BEARER_TOKEN_BEDROCK")
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
_GOOGLE = ("GOOGLE_APPLICATION_CREDENTIALS",)
_PROJECT = ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")


def diagnose() -> tuple[Section, ...]:
    """Return what there is to say."""
    findings = (
        _library("botocore", "bedrock"),
        Finding("bedrock", f"{_credentials(_AWS, '~/.aws')}; {_named('region', _REGION)}"),
        _library("google-auth", "vertex"),
        Finding("vertex", f"{_credentials(_GOOGLE, '~/.config/gcloud')}; {_named('project', _PROJECT)}"),
        Finding(
            "watsonx",
            f"{_named('key', WATSONX.key_variables)}; "
            f"{_named('project', ('WATSONX_PROJECT_ID', 'WATSONX_SPACE_ID'))}",
        ),
        Finding("azure", _named("key", AZURE.key_variables)),
        Finding(
            "cloudflare",
            f"{_named('key', CLOUDFLARE.key_variables)}; {_named('account', ('CLOUDFLARE_ACCOUNT_ID',))}",
        ),
    )
    return (Section("Clouds", findings),)


def _library(name: str, extra: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", "note", f'pip install "localrank[{extra}]"')


def _credentials(variables: tuple[str, ...], folder: str) -> str:
    holder = _holder(variables)
    if holder is not None:
        return f"credentials named by {holder}"
    if Path(folder).expanduser().is_dir():
        return f"credentials perhaps in {folder}"
    return f"no credentials ({' or '.join(variables)}), unless the machine has a role"


def _named(what: str, variables: tuple[str, ...]) -> str:
    holder = _holder(variables)
    return f"no {what} ({' or '.join(variables)})" if holder is None else f"a {what} in {holder}"


def _holder(variables: tuple[str, ...]) -> str | None:
    return next((name for name in variables if os.environ.get(name, "").strip()), None)
