"""Decision models as strings: `typesafe:jev-latest`, `typesafe:MODEL@URL`, `decisions:openai:gpt-6-luna`.

string                   means
typesafe:MODEL           a model at TypeSafe, or with @URL at a server of its wire
decisions:SERVICE:MODEL  a model at another service, or with @URL at another address
"""

from __future__ import annotations

from localrank.contract.errors import InvalidRequestError
from localrank_cohere.decisions.decision_reranker import DecisionReranker
from localrank_cohere.decisions.forms import FormName

__all__ = ["decisions", "typesafe"]


def typesafe(
    body: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    form: FormName = "yes_no",
    both_orders: bool = False,
) -> DecisionReranker:
    """Return the reranker for what stands behind `typesafe:`."""
    return _decider("typesafe", body, api_key, base_url, form, both_orders=both_orders)


def decisions(
    body: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    form: FormName = "yes_no",
    both_orders: bool = False,
) -> DecisionReranker:
    """Return the reranker for what stands behind `decisions:`.

    Raises:
        InvalidRequestError: No service is named.
    """
    service, colon, rest = body.partition(":")
    if not colon:
        raise InvalidRequestError(
            f"decisions:{body} names no service.",
            hint="Write decisions:SERVICE:MODEL, such as decisions:openai:gpt-6-luna.",
        )
    return _decider(service, rest, api_key, base_url, form, both_orders=both_orders)


def _decider(
    service: str, body: str, api_key: str | None, base_url: str | None, form: FormName, *, both_orders: bool
) -> DecisionReranker:
    model, url = body, None
    for scheme in ("@http://", "@https://"):
        if scheme in body:
            model, _, rest = body.partition(scheme)
            url = scheme[1:] + rest
    return DecisionReranker(
        model, service=service, api_key=api_key, base_url=base_url or url, form=form, both_orders=both_orders
    )
