"""What `TorchReranker` was asked for, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Literal, TypeAlias, get_args

from localrank.contract.errors import InvalidRequestError, MissingDependencyError
from localrank_transformers.activation import Activation
from localrank_transformers.catalogue import Family
from localrank_transformers.listwise_settings import Listwise
from localrank_transformers.setting_checks import check_choice, check_count

__all__ = ["INSTALL_HINT", "Attention", "Dtype", "TorchSettings", "refuse_settings", "require_packages"]

Dtype: TypeAlias = Literal["auto", "fp32", "bf16", "fp16"]
Attention: TypeAlias = Literal["auto", "sdpa", "eager", "flash_attention_2", "packed"]

INSTALL_HINT = 'pip install "localrank[torch]"'
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
    family: Family | None = None
    template: str | None = None
    instruction: str | None = None
    layer: int | None = None
    trust_remote_code: bool = False
    listwise: Listwise | None = None

    def __post_init__(self) -> None:
        for name in ("max_length", "batch_tokens", "layer"):
            check_count(name, getattr(self, name))
        check_choice("dtype", self.dtype, get_args(Dtype))
        check_choice("attention", self.attention, get_args(Attention))
        check_choice("activation", self.activation, (None, *get_args(Activation)))
        check_choice("family", self.family, (None, *get_args(Family)))
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
