"""What the fields of requests mean, a sentence each, and a request of each kind that works; for the description of the API."""

from __future__ import annotations

from collections.abc import Mapping

from localrank.server.dialects.cohere import RerankBody
from localrank.server.dialects.renamed import MixedbreadBody, PineconeBody, VoyageBody
from localrank.server.dialects.score import ScoreBody
from localrank.server.dialects.shape import Body, JsonObject
from localrank.server.dialects.tei import TEIBody

__all__ = ["EXAMPLES", "meanings"]

_QUERY = "What is RAG?"
_TEXTS = ("RAG retrieves first.", "Paris is a city.")

EXAMPLES: Mapping[type[Body], JsonObject] = {
    RerankBody: {"query": _QUERY, "documents": [*_TEXTS], "top_n": 1},
    TEIBody: {"query": _QUERY, "texts": [*_TEXTS]},
    VoyageBody: {"query": _QUERY, "documents": [*_TEXTS], "top_k": 1},
    MixedbreadBody: {"query": _QUERY, "input": [*_TEXTS], "top_k": 1},
    PineconeBody: {"query": _QUERY, "documents": [{"text": text} for text in _TEXTS], "top_n": 1},
    ScoreBody: {"text_1": _QUERY, "text_2": [*_TEXTS]},
}
"""A body of each kind, for the model that is served first."""

_TEXTS_OR_OBJECTS = (
    "Strings, or objects: of those the fields in `rank_fields` are read, else `text`, else all of them."
)
_COUNT = "Results at most; all of them where it is absent."
_REPEATS = "Whether the answer repeats the texts."
_LOGITS = "model's own number before it was made a score of 0 to 1"
_UNHEEDED = "Not heeded; named in `meta.warnings` where it would have changed something."

_MEANINGS: Mapping[str, str] = {
    "query": "What the documents are ranked against.",
    "documents": _TEXTS_OR_OBJECTS,
    "texts": "What is ranked.",
    "input": _TEXTS_OR_OBJECTS,
    "model": "The name of a served model, as in `/v1/models`; the first one where it is absent.",
    "top_n": _COUNT,
    "top_k": _COUNT,
    "return_documents": _REPEATS,
    "return_input": _REPEATS,
    "return_text": _REPEATS,
    "rank_fields": "Which fields of an object are its text.",
    "instruction": "What relevant means here, for models that read it.",
    "max_tokens_per_doc": "Tokens to which a document is cut.",
    "raw_scores": f"Whether a score is the {_LOGITS}.",
    "use_activation": f"`false`: a score is the {_LOGITS}.",
    "truncate": "`false` refuses a text that is too long; else it is cut.",
    "truncation": "`false` refuses a document that is too long; else it is cut.",
    "parameters": '`{"truncate": "NONE"}` refuses a document that is too long; else it is cut.',
    "max_chunks_per_doc": _UNHEEDED,
    "relevant_spans": _UNHEEDED,
    "rewrite_query": _UNHEEDED,
    "truncation_direction": _UNHEEDED,
}

_OF_PAIRS: Mapping[str, str] = {
    "text_1": "The first text of each pair, or one for all.",
    "text_2": "The second text of each pair.",
    "data_1": "The same as `text_1`.",
    "queries": "The same as `text_1`.",
    "data_2": "The same as `text_2`.",
    "documents": "The same as `text_2`.",
    "items": "The same as `text_2`.",
}


def meanings(body: type[Body]) -> Mapping[str, str]:
    """Return what each field of a kind of body means, by its name."""
    return {**_MEANINGS, **_OF_PAIRS} if body is ScoreBody else _MEANINGS
