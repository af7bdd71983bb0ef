"""What `/metrics` shows, in Prometheus' form. No label holds anything that a client may choose freely."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from localrank.contract.types import RerankResult
from localrank.server.door.admission import Admission

__all__ = ["Metrics"]

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_DOCUMENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


class Metrics:
    """The counters of one application.

    Args:
        admission: What is waiting.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, admission: Admission) -> None:
        registry = self._registry = CollectorRegistry()
        by_outcome = ("dialect", "model", "outcome")
        self._requests = Counter(
            "localrank_requests", "Requests by how they ended.", by_outcome, registry=registry
        )
        self._seconds = Histogram(
            "localrank_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ("dialect", "model"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._documents = Histogram(
            "localrank_documents",
            "Documents of a request.",
            ("model",),
            buckets=_DOCUMENTS,
            registry=registry,
        )
        self._rankings = Counter(
            "localrank_rankings",
            "Rankings by what became of them: ranked, skipped, partial or degraded.",
            ("model", "ranking"),
            registry=registry,
        )
        self._tokens = Counter("localrank_tokens", "Tokens that models read.", ("model",), registry=registry)
        self._truncated = Counter(
            "localrank_truncated_documents", "Documents that were cut.", ("model",), registry=registry
        )
        self._known = Counter(
            "localrank_known_documents",
            "Documents that were not read again, since they were known.",
            ("model",),
            registry=registry,
        )
        depth = Gauge("localrank_queue_depth", "Requests accepted and unfinished.", registry=registry)
        depth.set_function(lambda: admission.requests)
        waiting = Gauge(
            "localrank_queue_tokens", "Estimated tokens accepted and unfinished.", registry=registry
        )
        waiting.set_function(lambda: admission.waiting_tokens)
        held = Gauge("localrank_held_bytes", "Bytes of bodies read or ranked now.", registry=registry)
        held.set_function(lambda: admission.bodies.bytes)

    def ended(self, dialect: str, model: str, outcome: str, seconds: float) -> None:
        """Count a request; `outcome` is `ok`, `cancelled` (the client went away) or the kind of a refusal."""
        self._requests.labels(dialect, model, outcome).inc()
        self._seconds.labels(dialect, model).observe(seconds)

    def ranked(self, model: str, documents: int, result: RerankResult[str]) -> None:
        """Count what a ranking read, and what became of it."""
        usage = result.usage
        self._rankings.labels(model, result.outcome.kind).inc()
        self._documents.labels(model).observe(documents)
        self._tokens.labels(model).inc(usage.input_tokens or 0)
        self._truncated.labels(model).inc(usage.truncated_documents or 0)
        self._known.labels(model).inc(usage.cache_hits)

    def text(self) -> bytes:
        """Return the page."""
        return generate_latest(self._registry)
