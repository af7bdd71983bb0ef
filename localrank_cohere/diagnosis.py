"""What `localrank doctor` learns of remote models: the HTTP client, and for which vendors there is a key. No key is shown."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from itertools import starmap

from localrank.providers.diagnosis import Finding, Section
from localrank_cohere.dialects import DIALECTS

__all__ = ["diagnose"]


def diagnose() -> tuple[Section, ...]:
    """Return what there is to say, without connecting to anything."""
    variables = {dialect.provider: dialect.key_variables for dialect in DIALECTS if dialect.key_variables}
    return (Section("Remote models", (_client(), *starmap(_key, variables.items()))),)


def _client() -> Finding:
    try:
        return Finding("httpx2", version("httpx2"))
    except PackageNotFoundError:
        return Finding("httpx2", "not installed", "note", 'pip install "localrank[cohere]"')


def _key(provider: str, variables: tuple[str, ...]) -> Finding:
    holder = next((name for name in variables if os.environ.get(name, "").strip()), None)
    return Finding(provider, f"no key ({' or '.join(variables)})" if holder is None else f"a key in {holder}")
