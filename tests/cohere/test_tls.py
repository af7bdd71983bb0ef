"""Encrypted connections: a certificate nobody vouches for is refused at once; a client of one's own may trust it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from localrank import ConnectionFailedError, rerank
from localrank_cohere import CohereReranker
from tests.support.rerank_server import RerankServer

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate of the test"),
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-keyout key.pem -out certificate.pem -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, timeout=60)
    return folder / "certificate.pem"


@pytest.fixture
def secure(certificate: Path) -> Iterator[RerankServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with RerankServer(tls=context) as server:
        yield server


async def test_an_untrusted_certificate_is_refused_and_not_tried_again(secure: RerankServer) -> None:
    async with CohereReranker("m", base_url=secure.url) as reranker:
        with pytest.raises(ConnectionFailedError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            await rerank(reranker, "q", ["a"])

    assert not caught.value.is_retryable
    assert "http_client=" in str(caught.value)
    assert secure.requests == []


async def test_a_client_of_ones_own_may_trust_it(secure: RerankServer, certificate: Path) -> None:
    context = ssl.create_default_context(cafile=certificate)
    async with httpx2.AsyncClient(verify=context) as client:
        reranker = CohereReranker("m", base_url=secure.url, http_client=client)
        assert len(await rerank(reranker, "q", ["a"])) == 1
