"""What sentence-transformers' arguments mean here: renamed ones, those that change nothing, and those that cannot work.

After sentence-transformers 6.2: the old names are those that its `cross_encoder_init_args_decorator` and
`cross_encoder_predict_rank_args_decorator` take.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.texts import shortened

__all__ = ["CALL", "CONSTRUCTOR", "check_unsettable", "renamed", "settings_of"]

OLD_NAMES = {
    "model_name": "model_name_or_path",
    "automodel_args": "model_kwargs",
    "tokenizer_args": "processor_kwargs",
    "tokenizer_kwargs": "processor_kwargs",
    "config_args": "config_kwargs",
    "cache_dir": "cache_folder",
    "default_activation_function": "activation_fn",
    "sentences": "inputs",
    "activation_fct": "activation_fn",
}

CONSTRUCTOR = (
    *("num_labels", "modules", "prompts", "default_prompt_name", "token"),
    # Accepted and not used: no code of a folder ever runs, and dropout is of training.
    *("trust_remote_code", "model_card_data", "keep_in_fp32_modules", "classifier_dropout"),
)
"""Arguments of the constructor that are only looked at."""

CALL = (
    *("prompt", "prompt_name", "device", "pool"),
    # Accepted and not used: a softmax over one label changes nothing, and `rank` gives numbers whatever it is asked to give.
    *("num_workers", "chunk_size", "apply_softmax", "convert_to_numpy", "convert_to_tensor"),
)
"""Arguments of `predict` and `rank` that are only looked at."""

_HARMLESS_KEYS: Mapping[str, frozenset[str]] = {
    "model_kwargs": frozenset(
        {"attn_implementation", "low_cpu_mem_usage", "use_safetensors", "trust_remote_code"}
    ),
    "processor_kwargs": frozenset({"use_fast", "trust_remote_code"}),
    "config_kwargs": frozenset({"classifier_dropout", "trust_remote_code"}),
}
_FULL_PRECISION = ("None", "auto", "float32", "torch.float32", "fp32")

_Works = Callable[[Any], bool]


def _is_none(value: Any) -> bool:
    return value is None


def _is_cpu_or_none(value: Any) -> bool:
    return value is None or str(value) == "cpu"


_ONLY: Mapping[str, tuple[_Works, str]] = {
    "num_labels": (lambda value: value in {None, 1}, "A pair has one score here: leave it out."),
    "modules": (_is_none, "Pass the model's folder or name, or a reranker."),
    "prompts": (lambda value: not value, "Pass instruction= to rerank() for models that read one."),
    "default_prompt_name": (_is_none, "Pass instruction= to rerank() for models that read one."),
    "prompt": (_is_none, "Pass instruction= to rerank() for models that read one."),
    "prompt_name": (_is_none, "Pass instruction= to rerank() for models that read one."),
    "token": (lambda value: value in {None, True, False}, "Put it into the environment variable HF_TOKEN."),
    "pool": (_is_none, "One model uses all cores already: leave it out."),
    "device": (_is_cpu_or_none, "Give device= to the constructor."),
}
"""What other arguments may be, and what to do instead."""


def renamed(
    method: str, given: Mapping[str, Any], others: Mapping[str, Any], known: tuple[str, ...]
) -> dict[str, Any]:
    """Return `given` with what `others` says by an old name; a new name given beats the old one.

    Args:
        method: Whose arguments they are, for the error.
        given: Arguments by their present names.
        others: What else was given.
        known: Further names that are taken.

    Raises:
        InvalidRequestError: An argument that `CrossEncoder` does not have; a near name is offered.
    """
    found = dict(given)
    for name, value in others.items():
        new = OLD_NAMES.get(name, name)
        if new not in given and new not in known:
            raise _unknown(method, name, [*given, *known])
        if found.get(new) is None:
            found[new] = value
    return found


def _unknown(method: str, name: str, known: list[str]) -> InvalidRequestError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "Leave it out."
    return InvalidRequestError(f"{method} has no argument {name!r}.", hint=hint)


def check_unsettable(arguments: Mapping[str, Any]) -> None:
    """Refuse what would change the result and cannot be had here.

    Raises:
        InvalidRequestError: Names the argument and what to do instead.
    """
    for name, (works, instead) in _ONLY.items():
        if name in arguments and not _works(works, arguments[name]):
            value = "given" if name == "token" else shortened(repr(arguments[name]))
            raise InvalidRequestError(f"{name} is {value}, which localrank does not take.", hint=instead)


def _works(works: _Works, value: Any) -> bool:
    try:
        return works(value)
    except TypeError:  # a value that cannot be looked up in a set
        return False


def settings_of(name: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what `model_kwargs`, `processor_kwargs` or `config_kwargs` set here: nothing, or the longest input.

    Raises:
        InvalidRequestError: A key that would change the result.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InvalidRequestError(f"{name} is of type {type(values).__name__}.", hint="Pass a mapping.")
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key == "model_max_length" and name == "processor_kwargs":
            found["max_length"] = value
        elif not _is_harmless(name, key, value):
            raise InvalidRequestError(
                f"{name} sets {key!r}, which localrank does not take.",
                hint='Leave it out, or pass a reranker that has what it means, such as OnnxReranker("…", precision=…).',
            )
    return found


def _is_harmless(name: str, key: Any, value: Any) -> bool:
    if key in {"torch_dtype", "dtype"}:
        return str(value) in _FULL_PRECISION
    if key == "num_labels":
        return value in {None, 1}
    return key in _HARMLESS_KEYS[name]
