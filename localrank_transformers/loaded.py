"""A cross-encoder in memory: tokenizer, engine and what scores mean, made from files in one place."""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Tokenizer

from localrank.contract.errors import ModelLoadError
from localrank_transformers.catalogue import CatalogueEntry
from localrank_transformers.engines.onnx import OnnxEngine
from localrank_transformers.families.cross_encoder import read_shape, window
from localrank_transformers.files import Location, Precision, read_files
from localrank_transformers.planner import GROUP_TOKENS
from localrank_transformers.scheduler import Scheduler
from localrank_transformers.scoring import Activation
from localrank_transformers.tokenization import PairTokenizer

__all__ = ["LoadSettings", "LoadedModel", "load"]


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What the constructor was asked for; see `OnnxReranker`."""

    precision: Precision = "auto"
    max_length: int | None = None
    threads: int | None = None
    execution_providers: tuple[str, ...] | None = None
    activation: Activation | None = None


@dataclass(frozen=True, slots=True, repr=False)
class LoadedModel:
    """What a call needs.

    Attributes:
        tokenizer: Makes pairs.
        engine: Computes logits.
        activation: Turns a logit into a score.
        group_tokens: Padded tokens that may run together; 0 where a document must run alone.
        threads: Units of one call at once; None means every worker.
        scheduler: Where the units run; its workers live as long as this model is held.
    """

    tokenizer: PairTokenizer
    engine: OnnxEngine
    activation: Activation
    group_tokens: int
    threads: int | None
    scheduler: Scheduler


def load(
    location: Location, settings: LoadSettings, entry: CatalogueEntry | None, scheduler: Scheduler
) -> LoadedModel:
    """Read the files and make the session.

    Raises:
        ModelLoadError: A file is missing, damaged or unsupported.
        InvalidRequestError: A setting that this model cannot meet.
    """
    files = read_files(location, settings.precision)
    shape = read_shape(files.config, files.tokenizer_config)
    max_length = window(shape, settings.max_length, entry.default_length if entry else None)
    engine = OnnxEngine(files.onnx, pad_id=shape.pad_id, execution_providers=settings.execution_providers)
    may_group = engine.can_pad and not files.dynamic_int8
    return LoadedModel(
        tokenizer=PairTokenizer(_tokenizer(files.tokenizer_json), max_length=max_length),
        engine=engine,
        activation=settings.activation or "sigmoid",
        group_tokens=GROUP_TOKENS if may_group else 0,
        threads=settings.threads,
        scheduler=scheduler,
    )


def _tokenizer(content: bytes) -> Tokenizer:
    try:
        return Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises a bare Exception
        raise ModelLoadError(f"tokenizer.json cannot be read: {str(error)[:200]}") from error
