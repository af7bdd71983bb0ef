"""What `OnnxReranker` was asked for, checked once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from localrank.contract.errors import InvalidRequestError
from localrank.providers.arguments import check_choice, check_count
from localrank_transformers.call.contract import Activation
from localrank_transformers.families.late.known.keeping import Keeping
from localrank_transformers.models.graph_choice import Precision

__all__ = ["OnnxSettings"]

AskedPrecision: TypeAlias = Precision | Literal["refined"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OnnxSettings:
    """The constructor's arguments that loading needs; see `OnnxReranker`.

    Raises:
        InvalidRequestError: One of them has no meaning.
    """

    precision: AskedPrecision = "auto"
    max_length: int | None = None
    threads: int | None = None
    execution_providers: tuple[str, ...] | None = None
    activation: Activation | None = None
    instruction: str | None = None
    optimize: bool = True
    keeping: Keeping = field(default_factory=Keeping)

    def __post_init__(self) -> None:
        for name in ("max_length", "threads"):
            check_count(name, getattr(self, name))
        check_choice("activation", self.activation, (None, *get_args(Activation)))
        check_choice("precision", self.precision, (*get_args(Precision), "refined"))
        if self.precision == "refined" and self.keeping:
            raise InvalidRequestError(
                f'{self.keeping.named}, which does not go with precision="refined": it computes vectors of two precisions.',
                hint='Pass "fp32": documents that are known are not computed again.',
            )

    @property
    def graphs(self) -> tuple[Precision, ...]:
        """The precision of each graph that is needed."""
        return ("int8", "fp32") if self.precision == "refined" else (self.precision,)

    @property
    def runs_faster(self) -> bool:
        """Whether graphs are exchanged: they are written for the CPU."""
        on_cpu = self.execution_providers is None or set(self.execution_providers) == {"CPUExecutionProvider"}
        return self.optimize and on_cpu
