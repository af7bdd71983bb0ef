"""LlamaIndex: our models as node postprocessor, and its postprocessors as a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker, DoRerankOptions, ScoredIndex
from localrank.contract.types import RankedDocument, RerankOutcome, RerankResult, ScoreKind
from localrank.integrations.foreign import ForeignReranker, Scoring, ranking, require_method, type_name
from localrank.integrations.question import OUTCOME_KEY, CallSettings, Question, known_fields
from localrank.providers.extras import missing
from localrank.providers.registry import DEFAULT_MODEL, resolve
from localrank.providers.unscored import is_scored

try:
    from llama_index.core.bridge.pydantic import ConfigDict, Field, model_validator
    from llama_index.core.callbacks import CBEventType, EventPayload
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import ImageNode, MetadataMode, NodeWithScore, QueryBundle, TextNode
except ImportError as error:
    raise missing("The LlamaIndex integration", "llama-index-core", "llama-index") from error

__all__ = ["LocalRankPostprocessor", "from_llama_index"]

dispatcher = get_dispatcher(__name__)

_NODE = "node"
"""Where a document with an image keeps its node."""


class LocalRankPostprocessor(BaseNodePostprocessor):
    """Keep the nodes that answer the query, best first, with our scores.

    The text of a node is what its retriever embedded (`MetadataMode.EMBED`). The image of an `ImageNode`, its `image` or
    `image_url`, goes to models that read images; a file named by `image_path` is not opened. The nodes that come in are left
    as they are; copies carry `metadata["rerank_outcome"]` (what became of the call: `kind`, `reasons`, `served_by`), which
    neither a language model nor an embedding sees. Cancelling the task that awaits `apostprocess_nodes` stops the
    computation. A wrapper that fuses retrieval scores gets them where every node has one.

    Attributes:
        model: A reranker, `"provider:model-id"` or an alias.
        top_n: How many nodes to keep; None keeps all.
        min_score: Leave out nodes that score less, or were not scored; before `top_n`.
        keep_retrieval_score: Whether a copy of the node carries the retriever's score as `metadata["retrieval_score"]`.
        instruction: What "relevant" means, for models that read one.
        timeout: Seconds after which a call fails.
        deadline: Seconds after which the best ranking so far is returned; a node that was not scored has the score None.
        max_retries: Repetitions after a failure that may mend; None means 2.
        provider_options: Options by provider name.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    model: Any = DEFAULT_MODEL
    top_n: int | None = Field(default=3, ge=1)
    min_score: float | None = None
    keep_retrieval_score: bool = False
    instruction: str | None = None
    timeout: float | None = None
    deadline: float | None = None
    max_retries: int | None = None
    provider_options: Mapping[str, Mapping[str, Any]] | None = None

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        return known_fields(cls, given)

    @classmethod
    def class_name(cls) -> str:
        """Return the name by which LlamaIndex serialises it."""
        return "LocalRankPostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = _query(query_bundle)
        if not nodes:
            return []
        with self._announced(nodes, query) as announced:
            announced.take(self._question(nodes, query).answer_sync(), self._node)
        return announced.kept

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = _query(query_bundle)
        if not nodes:
            return []
        with self._announced(nodes, query) as announced:
            announced.take(await self._question(nodes, query).answer(), self._node)
        return announced.kept

    @contextmanager
    def _announced(self, nodes: list[NodeWithScore], query: str) -> Iterator[_Announced]:
        model: AnyReranker = resolve(self.model)
        announced = _Announced()
        top_n = len(nodes) if self.top_n is None else self.top_n
        dispatcher.event(ReRankStartEvent(query=query, nodes=nodes, top_n=top_n, model_name=model.model_id))
        payload = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: model.model_id,
            EventPayload.QUERY_STR: query,
            EventPayload.TOP_K: top_n,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            yield announced
            event.on_end(payload={EventPayload.NODES: announced.kept, OUTCOME_KEY: announced.outcome})
        dispatcher.event(ReRankEndEvent(nodes=announced.kept, tags={OUTCOME_KEY: announced.outcome}))

    def _question(self, nodes: Sequence[NodeWithScore], query: str) -> Question[Any]:
        scores = [node.score for node in nodes]
        settings = CallSettings.of(self)
        if not any(isinstance(node.node, ImageNode) for node in nodes):
            return Question(self.model, query, nodes, _text, self.top_n, scores, settings)
        pictured = [_with_image(node) for node in nodes]
        return Question(self.model, query, pictured, None, self.top_n, scores, settings)

    def _node(self, hit: RankedDocument[Any], outcome: RerankOutcome) -> NodeWithScore:
        found: NodeWithScore = hit.document[_NODE] if isinstance(hit.document, dict) else hit.document
        node = found.node
        metadata = {**node.metadata, OUTCOME_KEY: outcome.to_dict()}
        if self.keep_retrieval_score:
            metadata["retrieval_score"] = found.score
        unseen = {
            name: [*getattr(node, name), OUTCOME_KEY]
            for name in ("excluded_llm_metadata_keys", "excluded_embed_metadata_keys")
        }
        copy = node.model_copy(update={"metadata": metadata, **unseen})
        return NodeWithScore(node=copy, score=hit.score if is_scored(hit) else None)


def from_llama_index(
    postprocessor: Any,
    *,
    model_id: str | None = None,
    score_kind: ScoreKind = "unknown",
    scores_comparable: bool | None = None,
    batch_size: int | None = None,
) -> ForeignReranker:
    """Return a model that ranks with a node postprocessor, in a worker thread.

    Args:
        postprocessor: A `BaseNodePostprocessor` that reranks. Let it keep all nodes: what it leaves out follows unscored.
        model_id: Its name; None means its class. Give one where scores are cached.
        score_kind: What the score of a node is; `ordinal` where only the order counts (`RankGPTRerank`).
        scores_comparable: False where a score depends on the other nodes of the call.
        batch_size: Nodes of one call; None means all at once.

    Raises:
        InvalidRequestError: No `postprocess_nodes`, or a scoring that cannot be.
    """
    require_method("postprocessor", postprocessor, "postprocess_nodes", "BaseNodePostprocessor")
    ask = _Postprocess(postprocessor, score_kind == "ordinal")
    scoring = Scoring(score_kind, scores_comparable, batch_size)
    return ForeignReranker("llama-index", model_id or type_name(postprocessor), ask, scoring)


@dataclass(slots=True)
class _Announced:
    kept: list[NodeWithScore] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=dict)

    def take(
        self,
        result: RerankResult[NodeWithScore],
        node: Callable[[RankedDocument[NodeWithScore], RerankOutcome], NodeWithScore],
    ) -> None:
        """Keep what is handed on and announced."""
        self.kept = [node(hit, result.outcome) for hit in result]
        self.outcome = result.outcome.to_dict()


def _query(query_bundle: QueryBundle | None) -> str:
    if query_bundle is None:
        raise InvalidRequestError(
            "There is no query to rank the nodes against.", hint="Pass query_bundle= or query_str=."
        )
    query: str = query_bundle.query_str
    return query


def _text(node: NodeWithScore) -> str:
    text: str = node.node.get_content(metadata_mode=MetadataMode.EMBED)
    return text


def _with_image(node: NodeWithScore) -> dict[str, Any]:
    """Return a node as a document that may hold an image; an image without words has no `text`: it is not ranked by none."""
    text, held = _text(node), node.node
    image = None
    if isinstance(held, ImageNode):
        kind = held.image_mimetype or "image/png"
        image = f"data:{kind};base64,{held.image}" if held.image else held.image_url or held.image_path
    words = {"text": text} if image is None or text.strip() else {}
    return {_NODE: node, **words, **({} if image is None else {"image": image})}


@dataclass(frozen=True, slots=True)
class _Postprocess:
    postprocessor: Any
    ordinal: bool

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        scores = options.first_stage_scores or (None,) * len(options.documents)
        nodes = [
            NodeWithScore(node=TextNode(id_=str(index), text=text), score=score)
            for index, (text, score) in enumerate(zip(options.documents, scores, strict=True))
        ]
        kept = self.postprocessor.postprocess_nodes(nodes, query_str=options.query)
        ranked = [(int(node.node.node_id), node.score) for node in kept]
        return ranking(
            ranked, options.documents, ordinal=self.ordinal, by=self.postprocessor, maker="from_llama_index"
        )
