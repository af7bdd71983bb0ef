"""What `TorchReranker` was asked for, checked once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.metadata import version
from importlib.util import find_spec
from typing import Literal, TypeAlias, get_args

from localrank.contract.errors import InvalidRequestError, MissingDependencyError
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_choice, check_count, whole_number
from localrank_transformers.call.contract import Activation
from localrank_transformers.models.folder.exported import FamilyName

__all__ = [
    "INSTALL_HINT",
    "WITHOUT_CUDA",
    "Attention",
    "Dtype",
    "Listwise",
    "TorchSettings",
    "refuse_listwise",
    "refuse_settings",
    "require_packages",
]

Dtype: TypeAlias = Literal["auto", "fp32", "bf16", "fp16"]

Attention: TypeAlias = Literal["auto", "sdpa", "eager", "flash_attention_2", "packed"]

WITHOUT_CUDA = (
    "first, for torch without CUDA: pip install torch --index-url https://download.pytorch.org/whl/cpu"
)
"""The wheel for Linux on PyPI brings CUDA, some gigabytes of it (https://pytorch.org/get-started/locally)."""

INSTALL_HINT = f'pip install "localrank[torch]" ({WITHOUT_CUDA})'

TRANSFORMERS_FLOOR = 5

_PACKAGES = ("torch", "transformers", "safetensors")

_DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True, slots=True)
class TorchSettings:
    """The constructor's arguments; see `TorchReranker`."""

    device: str = "auto"
    dtype: Dtype = "auto"
    attention: Attention = "auto"
    compile: bool = False
    max_length: int | None = None
    batch_tokens: int | None = None
    activation: Activation | None = None
    family: FamilyName | None = None
    template: str | None = None
    instruction: str | None = None
    layer: int | None = None
    trust_remote_code: bool = False
    listwise: Listwise | None = None

    def __post_init__(self) -> None:
        check_types({name: getattr(self, name) for name in TorchSettings.__annotations__}, TorchSettings)
        for name in ("max_length", "batch_tokens", "layer"):
            check_count(name, getattr(self, name))
        check_choice("dtype", self.dtype, get_args(Dtype))
        check_choice("attention", self.attention, get_args(Attention))
        check_choice("activation", self.activation, (None, *get_args(Activation)))
        check_choice("family", self.family, (None, *get_args(FamilyName)))
        if self.device.partition(":")[0] not in _DEVICES:
            raise InvalidRequestError(
                f"device is {self.device!r}.", hint='Pass "auto", "cpu", "cuda", "cuda:1" or "mps".'
            )


def refuse_settings(settings: TorchSettings, what: str, *names: str) -> None:
    """Refuse settings that do not fit a model.

    Raises:
        InvalidRequestError: One of `names` is set.
    """
    for name in names:
        if getattr(settings, name) is not None:
            raise InvalidRequestError(
                f"{name} is {getattr(settings, name)!r}, but this model is {what}.",
                hint=f"Leave {name} out.",
            )


def require_packages() -> None:
    """Check that torch and its companions are installed, without importing them.

    Raises:
        MissingDependencyError: One is absent, or transformers is too old.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"TorchReranker needs {' and '.join(missing)}, not installed here.", hint=INSTALL_HINT
        )
    installed = version("transformers")
    if int(installed.partition(".")[0]) < TRANSFORMERS_FLOOR:
        raise MissingDependencyError(
            f"TorchReranker needs transformers {TRANSFORMERS_FLOOR} or later; {installed} is installed.",
            hint=INSTALL_HINT,
        )


Answer = Literal["permutation", "first-token"]

LETTERS = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Listwise:
    """Settings of listwise models, for `TorchReranker(listwise=…)`.

    `window`, `stride`, `passes` and `answer` are for generative models (RankVicuna, RankZephyr, any instruction-tuned model);
    `winners` and `best` for ListT5.

    Attributes:
        window: Documents that the model orders at once.
        stride: How far the window moves toward the top; at most `window`. What lies in both windows can rise further.
        passes: How often the windows go over the list.
        answer: `"permutation"` has the model write the whole order; `"first-token"` reads the order from the logits of the
            first identifier (FIRST, https://arxiv.org/abs/2406.15657), in one pass of the model, for models trained for that.
        winners: How many of five passages go on to the next round: 1 or 2 (the paper's r).
        best: How many places the tournament finds; the other documents follow in the caller's order.

    Raises:
        InvalidRequestError: A number out of range.
    """

    window: int = 20
    stride: int = 10
    passes: int = 1
    answer: Answer = "permutation"
    winners: Literal[1, 2] = 2
    best: int = 10

    def __post_init__(self) -> None:
        _check("window", self.window, 2, LETTERS if self.answer == "first-token" else 1_000)
        _check("stride", self.stride, 1, self.window)
        _check("passes", self.passes, 1, 100)
        _check("winners", self.winners, 1, 2)
        _check("best", self.best, 1, 1_000_000)
        if self.answer not in get_args(Answer):
            raise InvalidRequestError(
                f"answer is {self.answer!r}.", hint='Pass "permutation" or "first-token".'
            )


def refuse_listwise(settings: Listwise | None, whose: str, *names: str) -> None:
    """Refuse settings of the other kind of listwise model.

    Args:
        settings: Those given.
        whose: What they are for, in words.
        names: Of settings that this model has no place for.

    Raises:
        InvalidRequestError: One of `names` is not what it is by default.
    """
    if settings is None:
        return
    for setting in fields(Listwise):
        value = getattr(settings, setting.name)
        if setting.name in names and value != setting.default:
            raise InvalidRequestError(
                f"Listwise({setting.name}={value!r}) is for {whose}, and this model is none of them.",
                hint=f"Leave {setting.name} out.",
            )


def _check(name: str, value: object, least: int, most: int) -> None:
    number = whole_number(value)
    if number is None or not least <= number <= most:
        raise InvalidRequestError(f"{name} is {value!r}.", hint=f"Pass an integer of {least} to {most}.")
