"""AWS: requests signed by botocore (Signature Version 4), with credentials from botocore's own chain.

The chain reads the environment, profiles and caches, and may ask a token service or the machine's metadata: so it runs in a
thread, once for every state of the environment. botocore itself renews what expires.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from localrank.contract.errors import (
    APICallError,
    AuthenticationError,
    InvalidRequestError,
    MissingAPIKeyError,
    MissingDependencyError,
)
from localrank.providers.forking import RenewedLock, hold_off_forks
from localrank.providers.worker import run_in_thread
from localrank_cohere.call.credentials import Unsigned
from localrank_cohere.clouds.environment import ByEnvironment
from localrank_cohere.clouds.tokens import let_it_end
from localrank_cohere.http.logs import logged_without
from localrank_cohere.http.redaction import Redactor
from localrank_cohere.http.transport import Connections

__all__ = ["AwsSignature", "region_of"]

_SIGNED = ("content-type",)
"""Of our headers, those that are signed, besides host, date and token: the ones that botocore signs for these services. A proxy
may change the others."""

_EXPIRED = "ExpiredToken"

_one_at_a_time = RenewedLock()
"""Around the chain: of several requests the first searches, and the others find what it found."""

_HINT = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile, or give the machine a role."


class AwsSignature:
    """Signs requests.

    Args:
        service: The name that is signed, such as `bedrock`.
        region: The region that is signed; what the environment names where None.
        profile: Of the shared configuration; None for what the environment names.
        session: A session of botocore or boto3, in place of one of our own.
    """

    def __init__(
        self, service: str, region: str | None, *, profile: str | None = None, session: Any = None
    ) -> None:
        self._service = service
        self._region = region
        self._profile = profile
        self._session = session

    async def headers(self, request: Unsigned, connections: Connections) -> Mapping[str, str]:  # noqa: ARG002
        """Return the signature, its date, and the session's token where there is one.

        Raises:
            MissingDependencyError: botocore is not installed.
            MissingAPIKeyError: The chain found no credentials.
            AuthenticationError: It failed.
        """
        return await run_in_thread(lambda: self._sign(request), stop=let_it_end)

    async def renewed(self, refusal: APICallError) -> bool:
        """Return whether the chain shall be asked anew, since the credentials expired before botocore thought so."""
        said = str((refusal.headers or {}).get("x-amzn-errortype", ""))
        if self._session is not None or not said.startswith(_EXPIRED):
            return False
        _sessions.forget()
        return True

    def __getstate__(self) -> dict[str, Any]:
        if self._session is not None:
            raise TypeError("A reranker with session= is not pickled: the session holds keys.")
        return dict(self.__dict__)

    def _sign(self, request: Unsigned) -> dict[str, str]:
        keys = self._keys()
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - optional
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        region = self._region or region_of(self._profile, self._session)
        given = {name: request.headers[name] for name in _SIGNED if name in request.headers}
        signed = AWSRequest("POST", request.url, headers=given, data=request.content)
        with logged_without(_Unsaid(())):
            SigV4Auth(keys, self._service, region).add_auth(signed)
        return {name.lower(): value for name, value in signed.headers.items() if name.lower() not in given}

    def _keys(self) -> Any:
        session = _sessions(self._profile) if self._session is None else self._session
        errors = _botocore("botocore.exceptions")
        try:
            with _one_at_a_time, logged_without(_Unsaid(())):
                found = session.get_credentials()
                keys = None if found is None else found.get_frozen_credentials()
        except errors.BotoCoreError as error:
            raise _failed(error) from None
        if keys is None or not keys.access_key or not keys.secret_key:
            raise MissingAPIKeyError("There are no AWS credentials.", hint=_HINT)
        return keys


class _Unsaid(Redactor):
    """Leaves nothing of what botocore writes of keys, of a signature, and of a request for keys and its answer."""

    def text(self, text: str) -> str:  # noqa: ARG002
        """Return stars."""
        return "***"


def region_of(profile: str | None, session: Any) -> str:
    """Return the region that the environment, the session or the profile names; blocks.

    Raises:
        InvalidRequestError: None of them names one.
        MissingDependencyError: botocore is not installed.
    """
    region = None
    if session is None:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        session = None if region else _sessions(profile)
    if not region:
        own = getattr(session, "region_name", None)  # of boto3's
        region = own or session.get_config_variable("region")
    if not isinstance(region, str) or not region.strip():
        raise InvalidRequestError(
            "There is no AWS region.", hint="Pass region=, or set AWS_REGION, such as us-west-2."
        )
    return region.strip()


def _found(profile: str | None) -> Any:
    session = _botocore("botocore.session").Session(profile=profile)
    errors = _botocore("botocore.exceptions")
    try:
        session.get_scoped_config()
    except errors.ProfileNotFound:
        named = "AWS_PROFILE" if profile is None else "profile"
        raise InvalidRequestError(
            f"{named} names a profile that AWS's configuration does not have.",
            hint="Look into ~/.aws/config.",
        ) from None
    except errors.BotoCoreError as error:
        raise _failed(error) from None
    return session


_sessions = ByEnvironment(("AWS_", "BOTO_", "HOME"), _found)


def _failed(error: Exception) -> AuthenticationError:
    return AuthenticationError(
        f"botocore could not provide AWS credentials: {type(error).__name__}.",
        hint=f"{_HINT} The log of botocore says more.",
    )


def _botocore(name: str) -> Any:
    from importlib import import_module  # noqa: PLC0415 - only here

    try:
        with hold_off_forks():  # a child could not end an import that another thread began
            return import_module(name)
    except ImportError:
        raise MissingDependencyError(
            "Amazon Bedrock needs botocore to sign requests, which is not installed.",
            hint='pip install "localrank[bedrock]", or pass signer=.',
        ) from None
