"""The model card of a trained model, written from the run itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localrank._version import __version__
from localrank.providers.languages import unread
from localrank_transformers.models.folder.card import language_line
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.request import TrainRequest, TrainResult

__all__ = ["Facts", "write_card"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run knows of itself.

    Attributes:
        request: What was asked for.
        result: What came of it.
        history: (step, development measure), in order.
        device: Where it ran.
        dtype: In which arithmetic.
        config: The model's `config.json`.
        parameters: How many weights it has.
        max_length: Tokens of a pair in training.
        agreement: How int8 agrees with float32; None where it was not measured.
        languages: What the base reads, as ISO 639-1 codes or `multilingual`; empty where that is not known.
        late: Whether it compares the token vectors of query and document, which it reads apart.
    """

    request: TrainRequest
    result: TrainResult
    history: Sequence[tuple[int, float]]
    device: str
    dtype: str
    config: Mapping[str, Any]
    parameters: int
    max_length: int
    agreement: Mapping[str, Any] | None
    languages: tuple[str, ...] = ()
    late: bool = False


_CROSS = (
    "A reranker, a cross-encoder: it reads a query and one document together and gives one number, how well the document "
    "answers."
)
_LATE = (
    "A reranker with late interaction: it reads query and document apart, finds for each token of the query the nearest token "
    "of the document by cosine, and makes one number of their mean, how well the document answers."
)
_LIMITS = """## What it is not for

It knows texts like those it was trained on. It is not made for other languages or kinds of text than those, and not for \
decisions about people. A score compares documents of one query; as a probability it holds for candidates like those \
measured here. The licence of the weights follows from the base's and the data's."""
_UNSTATED = "not stated"


def write_card(facts: Facts, train: Sequence[TrainingList], dev: Sequence[TrainingList], path: Path) -> None:
    """Write the card to `path`."""
    blocks = [
        *_head(facts, train),
        *_data(facts.request, train, dev),
        *_training(facts),
        *_results(facts, len(dev)),
        *_calibration(facts),
        _LIMITS,
    ]
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _head(facts: Facts, train: Sequence[TrainingList]) -> Iterator[str]:
    config = facts.config
    name = facts.request.out.resolve().name
    kind, read, logit = "cross-encoder", "the pair", "the one logit"
    if facts.late:
        kind, read = "late-interaction", "a query or document"
        logit = "scale · (mean of the best cosines, weighted as localrank.json states) + bias"
    architecture = (config.get("architectures") or ["?"])[0]
    language = language_line(_read(facts.languages, train))
    yield f"---\n{language}library_name: localrank\npipeline_tag: text-ranking\ntags: [reranker, {kind}]\n---"
    yield f"# {name}"
    yield f"{_LATE if facts.late else _CROSS} Trained by localrank {__version__} from `{facts.request.base}`."
    yield f"""| | |
|---|---|
| Architecture | {architecture}, {_shape(config)}, {facts.parameters / 1e6:.1f} million weights |
| Window | {config.get("max_position_embeddings")} tokens for {read}; trained on {facts.max_length} |
| Score | sigmoid of {logit}, 0–1 |"""
    yield f"""```python
from localrank_transformers import OnnxReranker

reranker = OnnxReranker("path/to/{name}")
```"""


def _read(languages: tuple[str, ...], train: Sequence[TrainingList]) -> tuple[str, ...]:
    """Return what the base reads; nothing where a tenth of the queries is in other languages, which it reads too by now."""
    known = frozenset(languages)
    others = (
        0 if "multilingual" in known else sum(unread(example.query, known) is not None for example in train)
    )
    return () if 10 * others >= len(train) else languages


def _shape(config: Mapping[str, Any]) -> str:
    return f"{config.get('num_hidden_layers')} layers of width {config.get('hidden_size')}"


def _data(request: TrainRequest, train: Sequence[TrainingList], dev: Sequence[TrainingList]) -> Iterator[str]:
    yield "## Data"
    yield "Files: " + ", ".join(f"`{path.name}`" for path in request.data) + "."
    if request.dev:
        yield "Measured on: " + ", ".join(f"`{path.name}`" for path in request.dev) + "."
    yield "\n".join(_origins(train, dev))
    if any(licence == _UNSTATED for licence, _ in map(_origin, train)):
        yield "Records without a `licence` state none: check what you may do with weights made of them."
    kinds = Counter(_knowledge(example) for example in train)
    yield f"What is known of a list: {', '.join(f'{count:,} have {kind}' for kind, count in kinds.items())}."


def _origins(train: Sequence[TrainingList], dev: Sequence[TrainingList]) -> Iterator[str]:
    yield "| licence of the record | source | queries trained on | documents | queries measured on |"
    yield "|---|---|--:|--:|--:|"
    for licence, source in sorted({_origin(example) for example in (*train, *dev)}):
        own = [example for example in train if _origin(example) == (licence, source)]
        measured = sum(_origin(example) == (licence, source) for example in dev)
        documents = sum(len(example.documents) for example in own)
        yield f"| {licence} | {source} | {len(own):,} | {documents:,} | {measured:,} |"


def _origin(example: TrainingList) -> tuple[str, str]:
    return example.licence or _UNSTATED, example.source or _UNSTATED


def _knowledge(example: TrainingList) -> str:
    known = ["labels"] * (example.labels is not None) + ["scores"] * (example.scores is not None)
    return " and ".join(known) or "nothing but texts"


def _training(facts: Facts) -> Iterator[str]:
    request, result, settings = facts.request, facts.result, facts.request.settings
    yield "## Training"
    yield (
        f"{result.steps:,} of {result.total:,} steps of {settings.batch_size} lists × up to {settings.list_size} documents, "
        f"AdamW, learning rate up to {settings.learning_rate:g}, loss `{settings.loss}`{_loss(facts)}, seed {settings.seed}; "
        f"{result.seconds:,.0f} s on {facts.device} in {facts.dtype} arithmetic, dropout off."
    )
    yield (
        f"Negatives, where the data had none: {request.mining.count} a query by `{request.negatives}`, never a text equal to a "
        "positive."
    )
    if request.teacher:
        yield f"Scores to learn from: `{request.teacher}`."
    if request.student.layers or request.student.hidden:
        yield f"Made smaller from the base: {_shape(facts.config)}."


def _loss(facts: Facts) -> str:
    settings = facts.request.settings
    if settings.loss != "mix":
        return ""
    return f" (label {settings.hard:g} of the target where there are scores too, binary cross-entropy × {settings.bce:g})"


def _results(facts: Facts, queries: int) -> Iterator[str]:
    result, agreement = facts.result, facts.agreement
    kept = "from the development files" if facts.request.dev else "kept apart from the data"
    yield "## Results"
    yield f"nDCG@10 over {queries:,} queries {kept}:"
    yield f"""| | nDCG@10 |
|---|--:|
| first stage (the order of the candidates) | {result.first_stage:.4f} |
| start weights | {result.before:.4f} |
| this model, float32 | {_number(result.after)} |
| this model, int8 | {_number(result.int8)} |"""
    measured = ", ".join(f"{value:.4f} at step {step:,}" for step, value in facts.history)
    yield (
        "The best state was chosen on these queries, so the figures are a little too good; measure on others with "
        f"`localrank evaluate`. In training: {measured}."
    )
    if agreement is not None:
        yield (
            f"int8 against float32 over {agreement['lists']} lists: Spearman {agreement['spearman']:.3f}, the same document "
            f"first {agreement['same_first']:.0%}, {agreement['top_5_overlap']:.0%} of the best five shared."
        )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _calibration(facts: Facts) -> Iterator[str]:
    fit = facts.result.calibrated
    if fit is None:
        return
    yield "## Calibration"
    if (fit.scale, fit.shift) == (1.0, 0.0):
        yield (
            f"Expected calibration error of the score over {fit.pairs:,} pairs: {fit.before:.4f}. No scale and shift of the "
            "logits lessened it."
        )
        return
    place = "`localrank.json`" if facts.late else "the weights"
    yield (
        f"Logits became {fit.scale:.3f} · logit {fit.shift:+.3f} (Platt scaling), which is inside {place}: expected "
        f"calibration error over {fit.pairs:,} pairs {fit.before:.4f} before, {fit.after:.4f} after, unlabelled documents "
        "as irrelevant."
    )
