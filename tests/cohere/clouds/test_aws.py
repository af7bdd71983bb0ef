"""Our signatures are botocore's, bit for bit; credentials come from its chain, and none of them shows."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from localrank import APICallError, InvalidRequestError, MissingAPIKeyError, rerank, rerank_sync
from localrank_cohere import BedrockReranker
from localrank_cohere.call.credentials import Unsigned
from localrank_cohere.clouds import aws
from localrank_cohere.clouds.aws import AwsSignature
from localrank_cohere.http.transport import Connections
from tests.support.cloud_answers import bedrock
from tests.support.cloud_calls import KEY, REGION, SECRET, TOKEN, botocore_client
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
THEN = datetime(2026, 11, 28, 12, 0, 0)

WEB_TOKEN = "eyJhbGciOiJSUzI1NiJ9.web-identity.of-a-workload"
ROLE = f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>
<SessionToken>{TOKEN}</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>""".encode()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setenv("AWS_REGION", REGION)


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: THEN)


def by_botocore(service: str, call: Any) -> AWSRequest:
    """Return the request that botocore's own client would send."""
    caught: list[AWSRequest] = []
    client = botocore_client(service, f"https://{service}.{REGION}.amazonaws.com")

    def catch(request: AWSRequest, **_: object) -> None:
        caught.append(request)
        raise ConnectionAbortedError

    client.meta.events.register("before-send.*.*", catch)
    with pytest.raises(ConnectionAbortedError):
        call(client)
    return caught[0]


def reranked(client: Any) -> None:
    source = {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": "é"}}}
    model = {"modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/amazon.rerank-v1:0"}
    client.rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": "q"}}],
        sources=[source],
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {"modelConfiguration": model},
        },
    )


def invoked(client: Any) -> None:
    client.invoke_model(
        modelId="cohere.rerank-v3-5:0", body=b'{"query": "q"}', contentType="application/json"
    )


@pytest.mark.usefixtures("keys", "stopped_clock")
@pytest.mark.parametrize(
    ("service", "call"), [("bedrock-agent-runtime", reranked), ("bedrock-runtime", invoked)]
)
async def test_a_signature_is_botocores_own(service: str, call: Any) -> None:
    theirs = by_botocore(service, call)
    request = Unsigned(theirs.url, {"content-type": "application/json", "accept": "*/*"}, theirs.body)
    signed = await AwsSignature("bedrock", None).headers(request, Connections(None))

    assert signed == {
        name: theirs.headers[name.title()].decode()
        for name in ("authorization", "x-amz-date", "x-amz-security-token")
    }
    assert f"{THEN:%Y%m%d}/{REGION}/bedrock/aws4_request" in signed["authorization"]


@pytest.mark.usefixtures("keys")
async def test_what_is_sent_bears_the_signature_of_its_own_body() -> None:
    with RerankServer(choose=bedrock) as server:
        async with BedrockReranker(base_url=server.url) as reranker:
            await rerank(reranker, "q", ["a"])
    seen = server.requests[0].headers

    assert seen["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={KEY}/")
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in seen["authorization"]
    assert seen["x-amz-security-token"] == TOKEN
    assert seen["host"] == server.url.removeprefix("http://")


@pytest.mark.usefixtures("keys")
async def test_no_key_shows_where_a_server_echoes_what_it_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    def echo(seen: Any) -> Turn:
        said = f"{seen.headers['authorization']} {seen.headers['x-amz-security-token']}"
        return Turn(status=403, body=b'{"message": "The canonical string was %s"}' % said.encode())

    caplog.set_level(logging.DEBUG)
    with RerankServer(choose=echo) as server:
        async with BedrockReranker(base_url=server.url) as reranker:
            with pytest.raises(APICallError) as caught:
                await rerank(reranker, "q", ["a"], max_retries=0)
    signature = server.requests[0].headers["authorization"].rpartition("=")[2]
    shown = f"{caught.value} {caught.value.body} {vars(caught.value)} {caplog.text}"

    assert "aws4_request" in str(caught.value)  # the words around the keys are left
    for secret in (KEY, SECRET, TOKEN, signature):
        assert secret not in shown


async def test_no_key_shows_that_a_role_brought(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def token_service_or_model(seen: Any) -> Turn:
        return Turn(body=ROLE, headers={"content-type": "text/xml"}) if seen.path == "/" else bedrock(seen)

    (tmp_path / "web").write_text(WEB_TOKEN)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/ranks")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "web"))
    caplog.set_level(logging.DEBUG)
    with RerankServer(choose=token_service_or_model) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        async with BedrockReranker(base_url=server.url, region=REGION) as reranker:
            await rerank(reranker, "q", ["a"])

    assert server.requests[-1].headers["x-amz-security-token"] == TOKEN
    assert "botocore.parsers" in caplog.text
    for secret in (KEY, SECRET, TOKEN, WEB_TOKEN):
        assert secret not in caplog.text


async def test_without_credentials_the_error_says_how_to_have_some() -> None:
    reranker = BedrockReranker(region=REGION)
    with pytest.raises(MissingAPIKeyError, match="AWS_ACCESS_KEY_ID"):
        await rerank(reranker, "q", ["a"])


@pytest.mark.usefixtures("keys")
async def test_without_a_region_the_error_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(InvalidRequestError, match="no AWS region"):
        await rerank(BedrockReranker(), "q", ["a"])


async def test_a_profile_gives_keys_and_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        f"[profile search]\nregion = eu-central-1\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    with RerankServer(choose=bedrock) as server:
        async with BedrockReranker(base_url=server.url, profile="search") as reranker:
            await rerank(reranker, "q", ["a"])
    request = server.requests[0]

    assert "/eu-central-1/bedrock/" in request.headers["authorization"]
    reranking = request.body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert ":eu-central-1::" in reranking["modelConfiguration"]["modelArn"]


async def test_a_profile_that_is_not_there_is_named_as_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequestError, match=r"^profile names a profile"):
        await rerank(BedrockReranker(region=REGION, profile="gone"), "q", ["a"])
    monkeypatch.setenv("AWS_PROFILE", "gone")
    with pytest.raises(InvalidRequestError, match=r"^AWS_PROFILE names a profile"):
        await rerank(BedrockReranker(region=REGION), "q", ["a"])


async def test_a_session_of_the_callers_signs() -> None:
    session = Session()
    session.set_credentials("AKIDOFTHECALLER", "s3cret-s3cret")
    session.set_config_variable("region", REGION)
    with RerankServer(choose=bedrock) as server:
        async with BedrockReranker(base_url=server.url, session=session) as reranker:
            await rerank(reranker, "q", ["a"])

    assert "Credential=AKIDOFTHECALLER/" in server.requests[0].headers["authorization"]


@pytest.mark.usefixtures("keys")
async def test_the_chain_is_searched_once_and_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    session = Session.get_credentials

    def get_credentials(self: Session) -> Any:
        searched.append(threading.get_ident())
        return session(self)

    made: list[object] = []
    find = aws._sessions._find
    monkeypatch.setattr(Session, "get_credentials", get_credentials)
    monkeypatch.setattr(aws._sessions, "_find", lambda name: made.append(name) or find(name))
    with RerankServer(choose=bedrock) as server:
        for _ in range(3):
            async with BedrockReranker(base_url=server.url) as reranker:
                await rerank(reranker, "q", ["a"])

    assert made == [None]
    assert searched
    assert threading.get_ident() not in searched


@pytest.mark.usefixtures("keys")
async def test_expired_keys_are_looked_up_anew_once() -> None:
    expired = Turn(status=403, headers={"x-amzn-errortype": "ExpiredTokenException:http://aws"})
    with RerankServer(choose=bedrock) as server:
        async with BedrockReranker(base_url=server.url) as reranker:
            server.script(expired)
            assert (await rerank(reranker, "q", ["a"], max_retries=0))[0].index == 0
            server.script(expired, expired)
            with pytest.raises(APICallError):
                await rerank(reranker, "q", ["a"], max_retries=0)
            server.script(Turn(status=403))
            with pytest.raises(APICallError):
                await rerank(reranker, "q", ["a"], max_retries=0)

    assert len(server.requests) == 5


@pytest.mark.usefixtures("keys")
def test_keys_that_change_in_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with RerankServer(choose=bedrock) as server:
        reranker = BedrockReranker(base_url=server.url)
        rerank_sync(reranker, "q", ["a"])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDANOTHERONE")
        rerank_sync(reranker, "q", ["a"])

    assert "Credential=AKIDANOTHERONE/" in server.requests[1].headers["authorization"]
