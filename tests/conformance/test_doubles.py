"""The shipped doubles pass the whole kit, with no waiver."""

from __future__ import annotations

from localrank.testing import LexicalReranker, MockReranker, RerankerConformance


class TestLexicalReranker(RerankerConformance):
    def make(self) -> LexicalReranker:
        return LexicalReranker()


class TestMockReranker(RerankerConformance):
    def make(self) -> MockReranker:
        return MockReranker(delay=0.002)
