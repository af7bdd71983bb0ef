"""Ray Serve: the application of `localrank serve` in replicas on many machines, as many as the tokens that wait ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.integrations.ray.data import check_sendable
from localrank.integrations.ray.installed import imported_ray
from localrank.integrations.ray.scaling import WAITING_TOKENS, TokensWaiting
from localrank.providers.arguments import check_count
from localrank.providers.cores import limit_cores
from localrank.server.app import Models, RerankApp, create_app
from localrank.server.door.keys import read_keys
from localrank.server.door.limits import Limits

if TYPE_CHECKING:
    from ray.serve import Application

__all__ = ["deployment"]

_LONGEST_QUEUE = 1_024
"""Requests in a replica, and as many at the door before it: far above what the limit of waiting tokens lets in."""

_WINDOW_S = 12.0
"""Seconds over which waiting tokens are averaged; replicas report every ten, and Ray Serve wants more than that."""

_PATIENCE_S = 10.0
"""For so long there have to be too many before a replica is added."""


def deployment(
    models: Models = (),
    *,
    limits: Limits | None = None,
    api_key_file: Path | None = None,
    allowed_hosts: Sequence[str] | None = None,
    document_cache_mb: int | None = 256,
    page: bool = True,
    min_replicas: int = 1,
    max_replicas: int | None = None,
    tokens_a_replica: int = 20_000,
    num_cpus: int = 1,
    num_gpus: float | None = None,
    ray_actor_options: Mapping[str, Any] | None = None,
    name: str = "localrank",
) -> Application:
    """Return the application of `localrank serve` for `ray.serve.run`: the same dialects, limits and page, in replicas.

    Requests beyond `limits.max_waiting_tokens` in a replica are answered with 429 in their own dialect, and beyond 1,024 at
    once by Ray Serve's own 429. Between `min_replicas` and `max_replicas` there are as many as keep `tokens_a_replica` waiting
    in each. When a client leaves, Ray Serve cancels its request, and the replica stops computing for it.

    Keys come from the file, and from `LOCALRANK_API_KEYS` in the replicas' environment; they are not sent through the cluster.

    Args:
        models: As for `localrank.server.create_app`; rerankers have to be such as can be pickled.
        limits: Bounds of a request and of a replica's queue.
        api_key_file: Keys, one a line, at the same place on every machine.
        allowed_hosts: Names that the `Host` of a request may have; None means any.
        document_cache_mb: Megabytes in each replica for the vectors of documents seen before; None keeps none.
        page: Whether `/` shows a page to try it in.
        min_replicas: Replicas that there always are.
        max_replicas: Replicas that there are at most; None means no more than `min_replicas`.
        tokens_a_replica: Waiting tokens in each replica from which on there are to be more; a core computes some thousands a
            second with the embedded model.
        num_cpus: Cores of a replica, which computes on as many threads.
        num_gpus: GPUs of a replica, for models that use one.
        ray_actor_options: What else a replica's actor is to have.
        name: The deployment's.

    Raises:
        MissingDependencyError: Ray is not installed.
        InvalidRequestError: A number out of range, or a reranker that cannot be sent.
        UnknownModelError: A name that stands for no model.
    """
    serve = imported_ray("ray.serve")
    for argument, value in (("tokens_a_replica", tokens_a_replica), ("num_cpus", num_cpus)):
        check_count(argument, value)
    settings = _Settings(models, limits, api_key_file, allowed_hosts, document_cache_mb, page, num_cpus)
    settings.app()  # what it refuses is refused here, not in every replica
    for model in _given(models):
        check_sendable(model)
    actor = {"num_cpus": num_cpus, "num_gpus": num_gpus or 0, **(ray_actor_options or {})}
    made = serve.deployment(
        name=name,
        ray_actor_options=actor,
        max_ongoing_requests=_LONGEST_QUEUE,
        max_queued_requests=_LONGEST_QUEUE,
        backpressure_config={"status_code": 429, "retry_after_s": 1},
        **_replicas(min_replicas, max_replicas, tokens_a_replica),
    )(serve.ingress()(_Replica))
    application: Application = made.bind(settings)
    return application


def _given(models: Models) -> list[AnyReranker | str]:
    if isinstance(models, str):
        return [models]
    if isinstance(models, Mapping):
        return [*models.values()]
    return [one if isinstance(one, str) else one[1] for one in models]


def _replicas(least: int, most: int | None, tokens: int) -> dict[str, Any]:
    check_count("min_replicas", least)
    check_count("max_replicas", most)
    if most is None or most == least:
        return {"num_replicas": least}
    if most < least:
        raise InvalidRequestError(f"max_replicas is {most}, below min_replicas, {least}.")
    config = imported_ray("ray.serve.config")
    policy = config.AutoscalingPolicy(
        policy_function=TokensWaiting, policy_kwargs={"tokens_a_replica": tokens}
    )
    return {
        "autoscaling_config": config.AutoscalingConfig(
            min_replicas=least,
            max_replicas=most,
            look_back_period_s=_WINDOW_S,
            upscale_delay_s=_PATIENCE_S,
            policy=policy,
        )
    }


@dataclass(frozen=True, slots=True)
class _Settings:
    """What a replica makes its application of."""

    models: Models
    limits: Limits | None
    api_key_file: Path | None
    allowed_hosts: Sequence[str] | None
    document_cache_mb: int | None
    page: bool
    threads: int

    def app(self) -> RerankApp:
        return create_app(
            self.models,
            limits=self.limits,
            allowed_hosts=self.allowed_hosts,
            document_cache_mb=self.document_cache_mb,
            page=self.page,
        )


class _Replica:
    """One process that answers requests; `serve.ingress` makes of it what Ray Serve runs."""

    def __init__(self, settings: _Settings) -> None:
        limit_cores(settings.threads)
        self._app = settings.app()
        self._app.state.keys = read_keys(settings.api_key_file, os.environ)

    def __serve_build_asgi_app__(self) -> RerankApp:
        return self._app

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Tell Ray Serve how much waits here."""
        return {WAITING_TOKENS: self._app.admission.waiting_tokens}

    async def check_health(self) -> None:
        """Rank a pair with the default model: before the first request, which then meets a loaded one, and ever again.

        Raises:
            RerankError: It cannot; Ray Serve puts another replica in this one's place.
        """
        await self._app.models.default.probe()

    async def __del__(self) -> None:
        await self._app.aclose()
