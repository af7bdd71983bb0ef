"""One POST: sent, answered within bounds of time and bytes, and every way a line can break is one error."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from localrank.contract.errors import ConnectionFailedError, InvalidRequestError, RerankError
from localrank_cohere.http.client import httpx2_module
from localrank_cohere.http.clients import Way, forget, way_to
from localrank_cohere.http.logs import logged_without
from localrank_cohere.http.redaction import Redactor
from localrank_cohere.http.trust import nobody
from localrank_cohere.wire.words import one_line

if TYPE_CHECKING:
    import httpx2

__all__ = ["Answer", "Connections"]

_EXTRAS = {"br": "brotli", "zstd": "zstd"}
"""Extras of httpx2, by the coding that they unpack."""

_SMALLEST_PIECE = 64
"""Bytes of a body's chunk, on average: each chunk costs time, even with a single byte in it, so their number is bounded too."""

_LONGEST_REASON = 2_000


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back.

    Attributes:
        status: The HTTP status.
        headers: With lower-case names.
        body: Unpacked.
        is_cut: The body went on beyond the limit; the rest was not read.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    is_cut: bool


class Connections:
    """The way to the servers of one reranker.

    Args:
        timeout: Seconds that one request may take, from the first to the last byte; None for no limit.
        given: The caller's own client, used as it is and never closed here.

    Attributes:
        listening: For an address, the other one at which its server was found.
    """

    def __init__(self, timeout: float | None, given: httpx2.AsyncClient | None = None) -> None:
        self.timeout = timeout
        self.given = given
        self.listening: dict[str, str] = {}
        self._given_in: int | None = None
        self._addresses: dict[str, httpx2.URL] = {}

    async def post(
        self, url: str, headers: Mapping[str, str], content: bytes, *, limit: int, redactor: Redactor
    ) -> Answer | RerankError:
        """Send one request and return the answer, whatever its status, or the error: its traceback would show the key.

        Redirects are not followed.

        Args:
            url: The address.
            headers: Of the request.
            content: Its body.
            limit: Bytes of the answer that are read, both as they come and unpacked.
            redactor: Takes the request's secrets out of errors and logs.
        """
        way = None
        try:
            way = Way(self.given) if self.given is not None else await way_to(url, self)
            if self.given is not None and self.given.is_closed:
                return InvalidRequestError("http_client is closed.", hint="Pass an open one, or none.")
            if self.given is not None:
                self._refuse_in_child()
            with logged_without(redactor), anyio.move_on_after(self.timeout):
                return await self._sent(way, url, headers, content, limit)
        except RerankError as error:
            return error.with_traceback(None)
        except Exception as error:
            failure = _failure(error, url, way, redactor)
            if failure is None:
                raise
            return failure
        return ConnectionFailedError(
            f"No complete answer of {_server(url)} came within timeout={self.timeout:g} s.",
            url=url,
            hint="Allow a request more time, or send fewer documents in one.",
        )

    def _refuse_in_child(self) -> None:
        """Refuse connections that another process uses too: each would read answers to the other's requests."""
        self._given_in = self._given_in or os.getpid()
        if self._given_in != os.getpid():
            raise InvalidRequestError(
                "http_client was used before this process was forked, so that its connections belong to the parent.",
                hint="Make the reranker in each child, or pass no http_client.",
            )

    async def aclose(self) -> None:
        """Close the running event loop's connections, unless another reranker uses them."""
        await forget(self)

    async def _sent(
        self, way: Way, url: str, headers: Mapping[str, str], content: bytes, limit: int
    ) -> Answer:
        request = self._request(url, headers, content)
        response = await way.client.send(request, stream=True, follow_redirects=False)
        if response.is_stream_consumed:  # read by a hook or a transport of the caller's own client
            await response.aclose()
            body = response.content
            return Answer(response.status_code, dict(response.headers), body[:limit], len(body) > limit)
        raw, left = bytearray(), limit // _SMALLEST_PIECE
        try:
            # Cancelled, not broken off: so every generator below ends now and on this task.
            with anyio.CancelScope() as reading:
                async for piece in response.aiter_raw():
                    left -= 1
                    if len(raw) > limit or left < 0:
                        reading.cancel()
                    else:
                        raw += piece
        finally:
            await response.aclose()
        body, is_cut = _unpacked(response, bytes(raw), limit)
        return Answer(response.status_code, dict(response.headers), body, is_cut or left < 0)

    def _request(self, url: str, headers: Mapping[str, str], content: bytes) -> httpx2.Request:
        if self.given is not None:  # with the defaults that its owner set
            return self.given.build_request("POST", url, headers=headers, content=content)
        http = httpx2_module()
        address = self._addresses.get(url)
        if address is None:
            address = self._addresses[url] = http.URL(url)
        # Built directly: merging with a client's defaults, of which there are none, takes a fifth of the whole call.
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        request: httpx2.Request = http.Request(
            "POST", address, headers=[(b"host", address.netloc), *pairs], content=content
        )
        return request


def _unpacked(response: httpx2.Response, raw: bytes, limit: int) -> tuple[bytes, bool]:
    """Return at most `limit` bytes of a body without its content coding, and whether there is more.

    Raises:
        ConnectionFailedError: It is packed more than once, which makes a small body a large one, or in a way nobody knows here.
    """
    named = response.headers.get("content-encoding", "").lower().split(",")
    codings = [coding.strip() for coding in named if coding.strip() not in {"", "identity"}]
    if not codings or not raw:
        return raw[:limit], len(raw) > limit
    if len(codings) > 1 or codings[0] not in _codings():
        extra = _EXTRAS.get(codings[0]) if len(codings) == 1 else None
        raise ConnectionFailedError(
            f"The answer of {_server(str(response.url))} is packed as {one_line(', '.join(codings))!r}, which cannot be read.",
            url=str(response.url),
            is_retryable=False,
            hint=f'pip install "httpx2[{extra}]"' if extra else None,
        )
    http = httpx2_module()
    body = bytearray()
    packed = http.Response(200, headers={"content-encoding": codings[0]}, stream=http.ByteStream(raw))
    try:
        for piece in packed.iter_bytes():  # of at most a megabyte, however much it unpacks to
            body += piece
            if len(body) > limit:
                break
    except http.DecodingError:
        if len(raw) <= limit:  # else its end was cut off here
            raise
    return bytes(body[:limit]), len(body) > limit or len(raw) > limit


@cache
def _codings() -> frozenset[str]:
    """Return what the client unpacks; a body in another coding it would leave as it is."""
    with httpx2_module().Client(verify=nobody(), trust_env=False) as client:
        return frozenset(coding.strip() for coding in client.headers["accept-encoding"].split(","))


def _failure(error: Exception, url: str, way: Way | None, redactor: Redactor) -> RerankError | None:
    """Return what an exception of the HTTP client means, or None where it is of somebody else."""
    http = httpx2_module()
    if isinstance(error, http.UnsupportedProtocol | http.LocalProtocolError | http.InvalidURL):
        return InvalidRequestError(
            f"The request cannot be sent as it is ({type(error).__name__}).",
            hint="Look at base_url and headers.",
        )
    if not isinstance(error, http.TransportError | http.DecodingError):
        return None
    reasons = [text[:_LONGEST_REASON] for text in map(str, _causes(error)) if text]
    untrusted = next((text for text in reasons if "CERTIFICATE_VERIFY_FAILED" in text), None)
    what = one_line(redactor.text(untrusted or next(iter(reasons), "no answer"))).rstrip(".")
    proxy = way.proxy if way is not None else None
    through = f" through the proxy that {proxy.variable} names" if proxy is not None else ""
    hint = "Check the network, and whether a server answers at this address."
    if untrusted is not None:
        hint = "Name a file with its authority in SSL_CERT_FILE, or pass http_client= with a context that trusts it."
    elif proxy is not None:
        hint = f"Check {proxy.variable}, or name the server in NO_PROXY."
    return ConnectionFailedError(
        f"The connection to {_server(url)} failed{through}: {type(error).__name__}: {what}.",
        url=url,
        is_retryable=None if untrusted is None else False,  # no second attempt mends it
        hint=hint,
    )


def _server(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it: under trio only the innermost has words."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
