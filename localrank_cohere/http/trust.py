"""Whose certificates are trusted: the system's, or those of the file or folder that the environment names."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from localrank.contract.errors import InvalidRequestError
from localrank_cohere.http.client import httpx2_module

if TYPE_CHECKING:
    import ssl

__all__ = ["named_by", "nobody", "trusted"]

_IN_PLACE = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL's own variables, the first before the second: what they name is trusted in place of the system's."""

_BESIDES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""What other clients read and proxies of companies are set up with: trusted beside the system's."""

_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
"""How a folder of certificates names them, by `openssl rehash`."""


@cache
def trusted() -> ssl.SSLContext:
    """Return the context for encrypted connections; read once a process.

    Raises:
        InvalidRequestError: A variable names no certificates.
    """
    variable = named_by()
    if variable is None:
        system: ssl.SSLContext = httpx2_module().create_ssl_context()
        return system
    path = Path(os.environ[variable])
    is_folder = variable == "SSL_CERT_DIR" or (variable in _BESIDES and path.is_dir())
    try:
        context: ssl.SSLContext = httpx2_module().create_ssl_context()
        if variable in _BESIDES:
            context.load_verify_locations(**{"capath" if is_folder else "cafile": str(path)})
        has_some = not is_folder or any(_HASHED.fullmatch(file.name) for file in path.iterdir())
    except (OSError, ValueError):  # not there, not readable, without a certificate (SSLError is an OSError)
        has_some = False
    if not has_some:
        raise InvalidRequestError(
            f"{variable} names no certificates: {str(path)!r} is not there, cannot be read, or holds none.",
            hint="Name a file of certificates in PEM form, a folder after `openssl rehash`, or unset the variable.",
        )
    return context


def named_by() -> str | None:
    """Return the variable that names certificates; None where only the system does."""
    return next((name for name in (*_IN_PLACE, *_BESIDES) if os.environ.get(name)), None)


def nobody() -> ssl.SSLContext:
    """Return a context that trusts nobody, for connections that are not encrypted: it costs nothing to make."""
    import ssl  # noqa: PLC0415 - slow, and only to connect

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
