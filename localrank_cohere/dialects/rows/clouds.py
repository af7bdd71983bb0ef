"""The clouds' own wires: each is spoken by a class that knows its credentials and addresses, and not by a name alone."""

from __future__ import annotations

from dataclasses import replace

from localrank_cohere.dialects.cloud_shapes import bedrock_query, bedrock_source, titled_record
from localrank_cohere.dialects.dialect import Dialect
from localrank_cohere.dialects.options import Option, mapping, whole_number
from localrank_cohere.dialects.rows.makers import COHERE
from localrank_cohere.dialects.shapes import text_object

__all__ = [
    "AZURE",
    "AZURE_SERVERLESS",
    "BEDROCK",
    "BEDROCK_INVOKE",
    "CLOUDFLARE",
    "ROWS",
    "VERTEX",
    "WATSONX",
]

_RERANKING = "rerankingConfiguration.bedrockRerankingConfiguration"

BEDROCK = Dialect(
    name="bedrock",
    provider="bedrock",
    source="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html",
    path="/rerank",
    model=f"{_RERANKING}.modelConfiguration.modelArn",
    query="queries",
    documents="sources",
    as_query=bedrock_query,
    as_document=bedrock_source,
    count=f"{_RERANKING}.numberOfResults",
    score="relevanceScore",
    page="nextToken",
    fixed={"rerankingConfiguration.type": "BEDROCK_RERANKING_MODEL"},
    takes_objects=True,
    options=(
        Option(
            "additional_model_request_fields",
            mapping,
            f"{_RERANKING}.modelConfiguration.additionalModelRequestFields",
        ),
    ),
    max_documents=1_000,
)

BEDROCK_INVOKE = Dialect(
    name="bedrock-invoke",
    provider="bedrock",
    source="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html",
    path="/model/{model}/invoke",
    model=None,
    hosts=("amazonaws.com",),
    options=(Option("max_tokens_per_doc", whole_number(1)),),
    token_header="x-amzn-bedrock-input-token-count",  # noqa: S106 - the name of a header
    max_documents=1_000,
)

VERTEX = Dialect(
    name="vertex",
    provider="vertex",
    source="https://cloud.google.com/generative-ai-app-builder/docs/reference/rest/v1/projects.locations.rankingConfigs/rank",
    path="/v1/projects/{project}/locations/{location}/rankingConfigs/{config}:rank",
    documents="records",
    as_document=titled_record,
    numbered="id",
    count="topN",
    rows="records",
    index="id",
    score="score",
    hosts=("googleapis.com",),
    fixed={"ignoreRecordDetailsInResponse": True},
    takes_objects=True,
    options=(Option("user_labels", mapping, "userLabels"),),
    max_documents=200,
)

WATSONX = Dialect(
    name="watsonx",
    provider="watsonx",
    source="https://cloud.ibm.com/apidocs/watsonx-ai#text-rerank",
    path="/ml/v1/text/rerank",
    model="model_id",
    documents="inputs",
    as_document=text_object,
    count="parameters.return_options.top_n",
    score="score",
    hosts=("cloud.ibm.com", "wxai.ibm.com"),
    key_variables=("WATSONX_APIKEY", "WATSONX_API_KEY"),
    options=(
        Option("truncate_input_tokens", whole_number(1), "parameters.truncate_input_tokens"),
        Option("crypto", mapping),
    ),
)

AZURE = replace(
    COHERE,
    name="azure",
    provider="azure",
    source="https://learn.microsoft.com/azure/ai-foundry/how-to/deploy-models-cohere-rerank",
    home=None,
    hosts=("ai.azure.com", "cognitiveservices.azure.com"),
    key_variables=("AZURE_AI_API_KEY",),
    key_header="api-key",
    needs_model=False,
)

AZURE_SERVERLESS = replace(AZURE, name="azure-serverless", key_header="Authorization")

CLOUDFLARE = Dialect(
    name="cloudflare",
    provider="cloudflare",
    source="https://developers.cloudflare.com/workers-ai/models/bge-reranker-base/",
    path="/client/v4/accounts/{account}/ai/run/{model}",
    model=None,
    documents="contexts",
    as_document=text_object,
    count="top_k",
    rows="result.response",
    index="id",
    score="score",
    home="https://api.cloudflare.com",
    hosts=("cloudflare.com",),
    key_variables=("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"),
)

ROWS = (BEDROCK, BEDROCK_INVOKE, VERTEX, WATSONX, AZURE, AZURE_SERVERLESS, CLOUDFLARE)
"""Limits: Bedrock 1,000 sources and Vertex 200 records, by their schemas; the others name none."""
