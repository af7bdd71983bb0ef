"""The wire of Text Embeddings Inference (TEI); shapes: https://huggingface.github.io/text-embeddings-inference/."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from localrank.server.dialects.shape import Body, Dialect, Json, named_fields
from localrank.server.dialects.wire import Answer, RankRequest, RefusedError

__all__ = ["TEI"]

_TYPES = {"busy": "Overloaded", "limit": "Validation", "invalid_request": "Validation"}


class TEIBody(Body, kw_only=True):
    """All texts are answered; there is no number of results. Where nothing says whether to cut long texts, they are cut."""

    query: str
    texts: list[str]
    raw_scores: bool | None = None
    return_text: bool | None = None
    truncate: bool | None = None
    truncation_direction: str | None = None
    model: str | None = None

    def read(self) -> RankRequest:
        """Return what is asked."""
        left = (self.truncation_direction or "right").lower() == "left"
        return RankRequest(
            query=self.query,
            texts=self.texts,
            originals=self.texts,
            model=self.model or None,
            echo=bool(self.return_text),
            raw_scores=bool(self.raw_scores),
            refuse_long=self.truncate is False,
            unheeded=named_fields({"truncation_direction": left}),
        )


class TEIRow(TypedDict):
    """One place of the ranking; the answer is a bare list of them."""

    index: int
    score: float
    text: NotRequired[str]


class TEIRefusal(TypedDict):
    """Why there is no ranking; `error` is the message, as TEI writes it."""

    error: str
    error_type: str
    message: str
    id: str


def _write(answer: Answer) -> Json:
    rows: list[TEIRow] = []
    for place in answer.ranked:
        row: TEIRow = {"index": place.index, "score": place.score}
        if answer.request.echo:
            row["text"] = answer.request.texts[place.index]
        rows.append(row)
    return rows


def _refuse(refused: RefusedError, request_id: str) -> TEIRefusal:
    return {
        "error": refused.message,
        "error_type": _TYPES.get(refused.kind, "Backend"),
        "message": refused.message,
        "id": request_id,
    }


TEI = Dialect("tei", TEIBody, _write, _refuse, 422, list[TEIRow], TEIRefusal, ("/rerank",))
