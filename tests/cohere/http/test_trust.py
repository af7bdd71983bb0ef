"""Certificates that the environment names: what is wrong with them is said with the variable, where they are needed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from localrank import InvalidRequestError, rerank
from localrank_cohere import JinaReranker
from localrank_cohere.http.trust import trusted
from tests.support.rerank_server import RerankServer

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    trusted.cache_clear()
    yield
    trusted.cache_clear()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate of the test")
    folder = tmp_path_factory.mktemp("authority")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout key.pem -out ca.pem"
    subprocess.run(
        [*command.split(), "-subj", "/CN=test authority"], cwd=folder, check=True, capture_output=True
    )
    return folder / "ca.pem"


def names() -> set[str]:
    return {str(certificate["subject"]) for certificate in trusted().get_ca_certs()}


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_path_that_is_not_there_is_named_with_its_variable(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "gone"))
    with pytest.raises(InvalidRequestError, match=f"^{variable} names no certificates: .*gone"):
        trusted()


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_without_a_certificate_is_named_with_its_variable(
    variable: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
    with pytest.raises(InvalidRequestError, match=f"^{variable} names no certificates: .*ca.pem"):
        trusted()


@pytest.mark.parametrize("variable", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_folder_without_a_certificate_is_named_with_its_variable(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "readme").write_text("no certificate")
    monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(InvalidRequestError, match=f"^{variable} names no certificates"):
        trusted()


def test_a_file_takes_the_place_of_the_systems(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    assert len(names()) == 1
    assert "test authority" in str(names())


def test_what_other_clients_read_is_trusted_beside_the_systems(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = names()
    trusted.cache_clear()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))

    assert names() > before
    assert "test authority" in str(names())


@pytest.mark.anyio
async def test_a_server_without_encryption_needs_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/gone")
    with RerankServer("jina") as server:
        async with JinaReranker("m", base_url=server.url) as reranker:
            assert len(await rerank(reranker, "q", ["a"])) == 1


@pytest.mark.anyio
async def test_a_call_that_needs_them_ends_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/gone")
    async with JinaReranker("m", base_url="https://127.0.0.1:1") as reranker:
        with pytest.raises(InvalidRequestError, match="SSL_CERT_FILE"):
            await rerank(reranker, "q", ["a"])
