"""How a pair of texts is read: segments, cutting, prompt and letters, by all files that say something of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from localrank_transformers.models.folder.stated.settings import BERT, SENTENCE, Settings

__all__ = ["Letters", "PairSettings", "pair_settings", "positive_label", "segments_of"]

_GENERIC = frozenset({"PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend"})
"""Classes of transformers that take a tokenizer as tokenizer.json has it, and make no segments unless they are asked to."""

_OF_BERT = re.compile(
    r"(Bert|DistilBert|Electra|MobileBert|MPNet|ConvBert|SqueezeBert|Funnel|LayoutLM|Lxmert|Retribert|Splinter|RoFormer)Tokenizer"
)
_TYPES_OF_BERT = frozenset(
    [
        "bert",
        "convbert",
        "distilbert",
        "electra",
        "ernie",
        "layoutlm",
        "megatron-bert",
        "mobilebert",
        "mpnet",
        "nezha",
        "nomic_bert",
        "squeezebert",
    ]
)
"""Model types whose tokenizer is of BERT's kind where no class is named."""

_OTHERS = re.compile(r"(DebertaV2|Albert|XLNet|RemBert|FNet)Tokenizer")
"""Classes that read `do_lower_case` too, with a normalizer of their own."""

_TOKENS = ("bos_token", "cls_token", "eos_token", "mask_token", "pad_token", "sep_token", "unk_token")
_LISTS = ("additional_special_tokens", "extra_special_tokens")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Letters:
    """What the tokenizer's configuration says of letters.

    Attributes:
        of_bert: Whether it stands above the normalizer of tokenizer.json, as for BERT's kind, or must agree with it.
        lowercase: Whether letters are made small; None where nothing is said.
        strip_accents: Whether accents go; None for as `lowercase`.
        chinese: Whether each Chinese character is a word.
        keep_accents: Whether accents stay, for kinds that call it so; None where nothing is said.
    """

    of_bert: bool
    lowercase: bool | None = True
    strip_accents: bool | None = None
    chinese: bool = True
    keep_accents: bool | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PairSettings:
    """How texts are read.

    Attributes:
        segments: Whether the tokens of a document are of another segment than those of the query.
        cut_left: Whether a text that is too long loses its beginning instead of its end; None for as tokenizer.json says.
        prompt: What stands before a query.
        lowercase_first: Whether letters are made small before everything else.
        letters: What else is said of them; None for nothing.
        special: Tokens that are found in raw text where the vocabulary has them.
        max_length: Tokens of a pair, where a file states a window; None for none.
        positive: Which of two labels is the positive one.
    """

    segments: bool = True
    cut_left: bool | None = None
    prompt: str = ""
    lowercase_first: bool = False
    letters: Letters | None = None
    special: tuple[str, ...] = ()
    max_length: int | None = None
    positive: int = 1


def pair_settings(
    config: Settings,
    tokenizer_config: Settings,
    modules: Sequence[Settings],
    read: Callable[[str], Settings],
) -> PairSettings:
    """Return what the files say.

    Args:
        config: `config.json`.
        tokenizer_config: `tokenizer_config.json`.
        modules: `modules.json`.
        read: Returns a file by its name, empty where there is none.

    Raises:
        ModelLoadError: A value of a wrong type, or that has no meaning.
    """
    stated = read(SENTENCE) if modules else Settings(file=SENTENCE)
    is_cross_encoder = stated.text("model_type") == "CrossEncoder"
    own = _own(modules, read)
    given = Settings(own.group("tokenizer_args") | own.group("processor_kwargs"), file=own.file)
    tokenizer_config = Settings(tokenizer_config | given, file=tokenizer_config.file)
    of = _class(config, tokenizer_config)
    return PairSettings(
        segments=segments_of(of, tokenizer_config),
        cut_left=_cut_left(tokenizer_config),
        prompt=_prompt(stated) if is_cross_encoder else "",
        lowercase_first=own.flag("do_lower_case"),
        letters=_letters(of, tokenizer_config),
        special=tuple(dict.fromkeys(_special(tokenizer_config, read))),
        max_length=own.count("max_seq_length", least=1) or given.count("model_max_length", least=1),
        positive=positive_label(config),
    )


def _own(modules: Sequence[Settings], read: Callable[[str], Settings]) -> Settings:
    """Return what sentence-transformers keeps beside the encoder, empty where there is none."""
    if not modules:
        return Settings(file=BERT)
    path = modules[0].text("path") or ""
    return read(f"{path}/{BERT}".lstrip("/"))


def _class(config: Settings, tokenizer_config: Settings) -> str:
    named = tokenizer_config.text("tokenizer_class") or config.text("tokenizer_class")
    if named is None and config.text("model_type") in _TYPES_OF_BERT:
        return "BertTokenizer"
    return (named or "").removesuffix("Fast") if named != "PreTrainedTokenizerFast" else named


def segments_of(of: str, tokenizer_config: Settings) -> bool:
    """Return whether a tokenizer of the class `of` gives segments."""
    names = tokenizer_config.texts("model_input_names")
    return of not in _GENERIC if names is None else "token_type_ids" in names


def _cut_left(tokenizer_config: Settings) -> bool | None:
    side = tokenizer_config.text("truncation_side")
    if side not in (None, "left", "right"):
        raise tokenizer_config.wrong("truncation_side", '"left" or "right"')
    return None if side is None else side == "left"


def _prompt(stated: Settings) -> str:
    """Return what stands before the query of a cross-encoder."""
    name, prompts = stated.text("default_prompt_name"), stated.group("prompts")
    if name is None:
        return ""
    if name not in prompts:
        raise stated.wrong(
            "default_prompt_name", f"one of its prompts, which are {', '.join(prompts) or 'none'}"
        )
    return prompts.text(name) or ""


def _letters(of: str, tokenizer_config: Settings) -> Letters | None:
    if _OF_BERT.fullmatch(of):
        return Letters(
            of_bert=True,
            lowercase=tokenizer_config.flag("do_lower_case", default=True),
            strip_accents=_maybe(tokenizer_config, "strip_accents"),
            chinese=tokenizer_config.flag("tokenize_chinese_chars", default=True),
        )
    if not _OTHERS.fullmatch(of):
        return None
    return Letters(
        of_bert=False,
        lowercase=_maybe(tokenizer_config, "do_lower_case"),
        keep_accents=_maybe(tokenizer_config, "keep_accents") if of.startswith("Albert") else None,
    )


def _maybe(settings: Settings, key: str) -> bool | None:
    return None if settings.get(key) is None else settings.flag(key)


def _special(tokenizer_config: Settings, read: Callable[[str], Settings]) -> Iterator[str]:
    """Yield the tokens that the files name."""
    for settings in (tokenizer_config, read("special_tokens_map.json")):
        yield from (token for key in _TOKENS if (token := settings.token(key)) is not None)
        for key in _LISTS:
            yield from _listed(settings, key)
    added = tokenizer_config.group("added_tokens_decoder")
    yield from (token for number in added if (token := added.token(number)) is not None)
    yield from read("added_tokens.json")


def _listed(settings: Settings, key: str) -> Iterator[str]:
    stated = settings.get(key) or []
    entries = stated.values() if isinstance(stated, dict) else stated
    if not isinstance(stated, list | dict):
        raise settings.wrong(key, "a list of tokens")
    for one in entries:
        token = Settings({key: one}, file=settings.file).token(key)
        if token is not None:
            yield token


def positive_label(config: Settings) -> int:
    """Return which of two labels is the positive one: by their names, and the last where the names are numbers only.

    Raises:
        ModelLoadError: The names do not tell.
    """
    labels = label_names(config)
    if len(labels) != 2 or all(_NUMBERED.fullmatch(one) for one in labels):
        numbers = [int(match[1]) for one in labels if (match := _NUMBERED.fullmatch(one))]
        return 0 if numbers == [1, 0] else 1
    first, last = (_polarity(one, other) for one, other in (labels, labels[::-1]))
    if first == last:
        raise config.wrong("id2label", "a pair of names of which one is known as the positive one")
    return 0 if first > last else 1


def label_names(config: Settings) -> list[str]:
    """Return the names of the labels in their order, empty where none are named.

    Raises:
        ModelLoadError: They are not numbered from 0 on.
    """
    names = {str(number): name for number, name in config.group("id2label").items()}
    if set(names) != {str(place) for place in range(len(names))}:
        raise config.wrong("id2label", "names of labels, numbered from 0 on")
    ordered = (str(names[str(place)]).strip().lower() for place in range(len(names)))
    return [name.replace("-", "_").replace(" ", "_") for name in ordered]


_NUMBERED = re.compile(r"(?:label|class)?_?([01])")

_POSITIVE = frozenset(
    [
        "relevant",
        "relevance",
        "positive",
        "pos",
        "yes",
        "true",
        "entailment",
        "entails",
        "entailed",
        "related",
        "similar",
        "duplicate",
        "match",
        "matched",
        "answer",
        "answers",
        "good",
        "correct",
        "supported",
        "useful",
        "helpful",
        "paraphrase",
        "equivalent",
        "relevance_true",
        "is_relevant",
    ]
)
_NEGATIVE = frozenset(
    [
        "negative",
        "neg",
        "no",
        "false",
        "contradiction",
        "contradicts",
        "neutral",
        "other",
        "none",
        "bad",
        "wrong",
        "different",
        "refuted",
        "useless",
        "noise",
        "random",
    ]
)
_DENYING = ("not_", "not", "non_", "non", "no_", "ir", "un", "in", "dis", "un_", "in_")


def _polarity(label: str, other: str) -> int:
    """Return 1 for a name known as the positive one, −1 for one known as the negative one, 0 for another."""
    denies = any(
        label == start + other or (label.startswith(start) and label.removeprefix(start) in _POSITIVE)
        for start in _DENYING
    )
    if denies or label in _NEGATIVE:
        return -1
    denied = any(other == start + label for start in _DENYING)
    return 1 if denied or label in _POSITIVE else 0
