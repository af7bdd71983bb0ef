"""`BedrockReranker`: models at Amazon Bedrock, by its rerank operation or by invoking the model."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

from localrank.contract.errors import InvalidRequestError
from localrank.providers.annotations import check_types
from localrank.providers.worker import run_in_thread
from localrank_cohere.call.credentials import Credentials, Unsigned
from localrank_cohere.call.settings import Settings, checked_model
from localrank_cohere.clouds.aws import AwsSignature, region_of
from localrank_cohere.clouds.cloud_reranker import CloudReranker, Common, check_one_given
from localrank_cohere.clouds.signers import CallersSignature, Signer
from localrank_cohere.clouds.tokens import bearer, let_it_end
from localrank_cohere.cohere_reranker import DEFAULT_TIMEOUT_S
from localrank_cohere.dialects.endpoints import Endpoint, belongs_to_vendor
from localrank_cohere.dialects.keys import checked_key
from localrank_cohere.dialects.rows.clouds import BEDROCK, BEDROCK_INVOKE
from localrank_cohere.http.transport import Connections

if TYPE_CHECKING:
    import httpx2

__all__ = ["BedrockReranker"]

_KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"

_REGION_PLACE = "{region}"
"""Stands in an address until the call, where nothing but the environment names the region."""

_PARTITIONS = (
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("", "aws", "amazonaws.com"),
)
"""Beginning of a region, its partition, and the end of its hosts (botocore's partitions.json)."""

_REGION = re.compile(r"[a-z]{2,5}(?:-[a-z]+)+-[0-9]{1,2}")
_IN_ARN = re.compile(r"arn:[^:]+:[^:]+:([a-z0-9-]+):")


class BedrockReranker(CloudReranker):
    """A model at Amazon Bedrock (`amazon.rerank-v1:0`, `cohere.rerank-v3-5:0`).

    Requests are signed by botocore (`pip install "localrank[bedrock]"`) with the credentials of its own chain: environment,
    profile, role. They are looked up in a thread and renewed when they expire.

    Args:
        model: The model's id, or an ARN.
        api: `rerank` for the operation of that name, which every reranker there has, or `invoke` for `InvokeModel`, which gives
            Cohere's own request.
        region: The region; without it that of the ARN or of `base_url`, then `AWS_REGION`, `AWS_DEFAULT_REGION` and the
            profile's.
        profile: Of the shared configuration; without it what the environment names.
        session: A session of botocore or boto3, in place of one of our own.
        signer: A function that signs, in place of botocore: `(method, url, headers, body) -> headers`, plain or `async`.
        api_key: A Bedrock API key, only with `api="invoke"`; without it `AWS_BEARER_TOKEN_BEDROCK`, for AWS's own hosts only.
        base_url: Another address of the service, such as a VPC endpoint's.
        timeout: See `CohereReranker`, as for the following.
        max_documents_per_call: At most 1,000.
        http_client: An `httpx2.AsyncClient` of your own.
        headers: Further headers; they are not signed.
        fields: Keys of a mapping that are sent, as a JSON document; with `api="invoke"` as YAML.

    Raises:
        InvalidRequestError: An argument that cannot work.
    """

    def __init__(
        self,
        model: str = "amazon.rerank-v1:0",
        *,
        api: Literal["rerank", "invoke"] = "rerank",
        region: str | None = None,
        profile: str | None = None,
        session: Any = None,
        signer: Signer | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] | Literal["all"] | None = None,
    ) -> None:
        check_types(locals(), BedrockReranker.__init__)
        named = checked_model(model, required=True) or ""
        if api not in {"rerank", "invoke"}:
            raise InvalidRequestError(f"api is {api!r}.", hint="Pass 'rerank' or 'invoke'.")
        if api_key is not None and api == "rerank":
            raise InvalidRequestError(
                "api_key is given, and Bedrock's rerank operation takes none.",
                hint='Pass api="invoke", or sign the requests.',
            )
        check_one_given({"signer": signer, "api_key": api_key})
        check_one_given({"session": session, "profile": profile})
        self._region = _checked_region(region) or _named_region(named, base_url)
        self._profile = profile
        self._session = session
        signature: Credentials = (
            AwsSignature("bedrock", self._region, profile=profile, session=session)
            if signer is None
            else CallersSignature(signer)
        )
        key = None if api_key is None else checked_key(api_key, "api_key")
        is_invoked = api == "invoke"
        is_coheres = "cohere." in named
        super().__init__(
            BEDROCK_INVOKE if is_invoked else BEDROCK,
            named,
            _address(named, base_url, self._region or _REGION_PLACE, is_invoked=is_invoked),
            Common(timeout, max_documents_per_call, http_client, headers, fields),
            credentials=None if key else _KeyOr(signature) if is_invoked and signer is None else signature,
            key=key,
            always=_always(named, self._region, is_invoked=is_invoked),
            score_kind="probability" if is_coheres else None,
        )

    async def _placed(self) -> Settings:
        settings = self._settings
        if self._region is not None:
            return settings
        region = _checked_region(
            await run_in_thread(lambda: region_of(self._profile, self._session), stop=let_it_end)
        )
        model, is_invoked, url = (
            settings.model or "",
            settings.dialect is BEDROCK_INVOKE,
            settings.endpoint.url,
        )
        if _REGION_PLACE in url:
            url = _address(model, None, region or "", is_invoked=is_invoked)
        return replace(settings, endpoint=Endpoint(url), always=_always(model, region, is_invoked=is_invoked))


class _KeyOr:
    """The environment's Bedrock API key, which botocore prefers to keys that sign; else a signature."""

    def __init__(self, signature: Credentials) -> None:
        self._signature = signature

    async def headers(self, request: Unsigned, connections: Connections) -> Mapping[str, str]:
        """Return the header with the key, or those that sign."""
        key = os.environ.get(_KEY_VARIABLE, "").strip()
        if key and belongs_to_vendor(BEDROCK_INVOKE, request.url):
            return bearer(checked_key(key, _KEY_VARIABLE).value)
        return await self._signature.headers(request, connections)

    async def renewed(self, refusal: Any) -> bool:
        """Return what the signature says."""
        return await self._signature.renewed(refusal)


def _address(model: str, base_url: str | None, region: str, *, is_invoked: bool) -> str:
    path = f"/model/{quote(model, safe='')}/invoke" if is_invoked else "/rerank"
    if base_url is None:
        service = "bedrock-runtime" if is_invoked else "bedrock-agent-runtime"
        return f"https://{service}.{region}.{_partition(region)[1]}{path}"
    return base_url if base_url.endswith(path) else base_url.rstrip("/") + path


def _always(model: str, region: str | None, *, is_invoked: bool) -> dict[str, Any]:
    if is_invoked:
        return {"api_version": 2} if "cohere." in model else {}
    if model.startswith("arn:") or region is None:
        return {BEDROCK.model or "": model}
    return {BEDROCK.model or "": f"arn:{_partition(region)[0]}:bedrock:{region}::foundation-model/{model}"}


def _partition(region: str) -> tuple[str, str]:
    return next((name, suffix) for start, name, suffix in _PARTITIONS if region.startswith(start))


def _named_region(model: str, base_url: str | None) -> str | None:
    arn = _IN_ARN.match(model)
    if arn is not None:
        return arn[1]
    host = "" if base_url is None else urlsplit(base_url).hostname or ""
    return next((part for part in host.split(".") if _REGION.fullmatch(part)), None)


def _checked_region(region: str | None) -> str | None:
    if region is None:
        return None
    if not isinstance(region, str) or not _REGION.fullmatch(region):
        raise InvalidRequestError(f"region is {region!r}.", hint="Pass one such as us-west-2.")
    return region
