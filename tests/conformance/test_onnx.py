"""The embedded models pass the whole kit."""

from __future__ import annotations

from localrank.testing import RerankerConformance
from localrank_transformers import OnnxReranker


class TestOnnxReranker(RerankerConformance):
    def make(self) -> OnnxReranker:
        return OnnxReranker()


class TestTiny(RerankerConformance):
    def make(self) -> OnnxReranker:
        return OnnxReranker("localrank-tiny")


class TestOnnxRerankerThatKnowsDocuments(RerankerConformance):
    def make(self) -> OnnxReranker:
        return OnnxReranker("localrank-tiny", document_cache_mb=8)
