"""Services of decision models as a table: where they are, which of two wires they speak, and what one request takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from localrank.contract.errors import InvalidRequestError
from localrank.providers.registry import unknown_model
from localrank_cohere.dialects.options import Option, mapping, text
from localrank_cohere.dialects.table import Dialect

__all__ = ["DECISION_SERVICES", "DecisionService", "Wire", "decision_service_named"]

Wire = Literal["systemone", "decisions"]
"""TypeSafe's wire names its questions and answers by a map, OpenAI's has a list of each in one order."""


@dataclass(frozen=True, slots=True)
class DecisionService(Dialect):
    """One service of decision models. Of a dialect's fields those count that say where it is and who may see a key.

    Attributes:
        wire: How requests and answers are written.
        max_tokens: Tokens of the state and the longest question together.
        max_tokens_with_questions: Tokens of the state and all questions.
        max_state_bytes: Bytes of the state as JSON; None for no limit.
        max_choices: Options of one choice.
    """

    wire: Wire = "systemone"
    max_tokens: int = 33_000
    max_tokens_with_questions: int = 64_000
    max_state_bytes: int | None = None
    max_choices: int = 255

    def __reduce__(self) -> tuple[Callable[[str], DecisionService], tuple[str]]:
        return decision_service_named, (self.name,)


_JEV = "https://docs.typesafe.ai/api"

DECISION_SERVICES: tuple[DecisionService, ...] = (
    DecisionService(
        name="typesafe",
        provider="typesafe",
        source=_JEV,
        path="/v1/systemone",
        home="https://api.typesafe.ai",
        hosts=("typesafe.ai",),
        key_variables=("TYPESAFE_API_KEY",),
    ),
    DecisionService(
        name="openrouter",
        provider="openrouter",
        source="https://openrouter.ai/docs/guides/community/typesafe-sdk",
        path="/v1/systemone",
        home="https://openrouter.ai/api",
        hosts=("openrouter.ai",),
        key_variables=("OPENROUTER_API_KEY",),
        options=(
            Option("provider", mapping),
            Option("session_id", text),
            Option("trace", mapping),
            Option("user", text),
        ),
    ),
    DecisionService(
        name="digitalocean",
        provider="digitalocean",
        source="https://docs.digitalocean.com/products/inference-hub/how-to/use-serverless-inference-deployments",
        path="/v1/systemone",
        home="https://inference.do-ai.run",
        hosts=("inference.do-ai.run",),
        key_variables=("MODEL_ACCESS_KEY", "DO_MODEL_ACCESS_KEY"),
    ),
    DecisionService(
        name="vercel",
        provider="vercel",
        source="https://vercel.com/docs/ai-gateway/sdks-and-apis/typesafe",
        path="/v1/systemone",
        home="https://ai-gateway.vercel.sh/typesafe",
        hosts=("ai-gateway.vercel.sh",),
        key_variables=("AI_GATEWAY_API_KEY",),
    ),
    DecisionService(
        name="openai",
        provider="openai",
        source="https://platform.openai.com/docs/api-reference/decisions",
        path="/v1/decisions",
        home="https://api.openai.com",
        hosts=("api.openai.com",),
        key_variables=("OPENAI_API_KEY",),
        options=(
            Option("prompt_cache_key", text),
            Option("prompt_cache_options", mapping),
            Option("safety_identifier", text),
        ),
        max_documents=400,
        wire="decisions",
        max_tokens=1_050_000,
        max_tokens_with_questions=1_050_000,
        max_state_bytes=256 * 1024,
    ),
)
"""Every service. OpenAI's limits (400 questions, 255 choices, 256 KiB of JSON) stand in the types of its client, openai 3.57.0.
Those of the other wire were measured by its users, who found 33,000 tokens and 64,000 (read 2026-11-28); its client names none.
"""


def decision_service_named(name: str) -> DecisionService:
    """Return the service called `name`.

    Raises:
        InvalidRequestError: There is none; the hint offers near names.
    """
    for service in DECISION_SERVICES:
        if service.name == name:
            return service
    hint = unknown_model("service", str(name), (service.name for service in DECISION_SERVICES)).hint
    raise InvalidRequestError(f"There is no service {name!r} of decision models.", hint=hint)
