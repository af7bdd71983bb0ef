"""What one run measures, as data that goes to JSON and comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

__all__ = ["CONTAMINATED", "ColdStart", "ModelResult", "SystemTimes", "WorkloadResult"]

CONTAMINATED = 0.03
"""A repetition in which others took more than this share of the CPU is marked."""


@dataclass(slots=True)
class SystemTimes:
    """One system on one workload.

    Attributes:
        seconds: One time a repetition, in their order; None where it failed.
        peak: Highest resident bytes of its process.
        difference: Largest difference of a score to the reference system's.
        same_first: Whether its best document was the reference's, a repetition.
        failure: Why it stopped, if it did.
    """

    seconds: list[float | None] = field(default_factory=list[float | None])
    peak: int = 0
    difference: float | None = None
    same_first: list[bool] = field(default_factory=list[bool])
    failure: str | None = None

    @property
    def median(self) -> float | None:
        """The median time, None without any."""
        known = [value for value in self.seconds if value is not None]
        return median(known) if known else None


@dataclass(slots=True)
class WorkloadResult:
    """All systems on one workload.

    Attributes:
        kind: `short` or `mixed`.
        size: Documents.
        tokens: Tokens of all pairs, a repetition.
        products: Least operations in products with weights, a repetition.
        attention: The same in attention.
        others: Share of the CPU that others took, a repetition.
        systems: By name.
    """

    kind: str
    size: int
    tokens: list[int] = field(default_factory=list[int])
    products: list[float] = field(default_factory=list[float])
    attention: list[float] = field(default_factory=list[float])
    others: list[float] = field(default_factory=list[float])
    systems: dict[str, SystemTimes] = field(default_factory=dict[str, SystemTimes])

    @property
    def label(self) -> str:
        """Such as `mixed × 20`."""
        return f"{self.kind} × {self.size:,}"

    @property
    def contaminated(self) -> bool:
        """Whether half of the repetitions or more were disturbed, so that the median is too."""
        disturbed = sum(share > CONTAMINATED for share in self.others)
        return 2 * disturbed >= max(1, len(self.others))


@dataclass(slots=True)
class ColdStart:
    """Process start to the first result of 10 mixed documents.

    Attributes:
        seconds: One a repetition.
        load: Of it, the loading, imports included.
        rss: Resident bytes after it.
        failure: Why there is none.
        again: Loading the model once more in the same process, where all is imported.
    """

    seconds: list[float] = field(default_factory=list[float])
    load: list[float] = field(default_factory=list[float])
    rss: int = 0
    failure: str | None = None
    again: list[float] = field(default_factory=list[float])


@dataclass(slots=True)
class ModelResult:
    """Everything measured with one set of weights.

    Attributes:
        name: Of the weights.
        shape: Such as `6×384`.
        peaks: GFLOP/s of matrix products by kind.
        workloads: In the order measured.
        cold: By system.
        unavailable: Systems that could not be set up, with the reason.
    """

    name: str
    shape: str
    peaks: dict[str, float | str] = field(default_factory=dict[str, float | str])
    workloads: list[WorkloadResult] = field(default_factory=list[WorkloadResult])
    cold: dict[str, ColdStart] = field(default_factory=dict[str, ColdStart])
    unavailable: dict[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ModelResult:
        """Read what `to_json` wrote."""
        workloads = [
            WorkloadResult(
                **{**one, "systems": {name: SystemTimes(**times) for name, times in one["systems"].items()}}
            )
            for one in record["workloads"]
        ]
        cold = {name: ColdStart(**one) for name, one in record["cold"].items()}
        return cls(
            record["name"],
            record["shape"],
            dict(record["peaks"]),
            workloads,
            cold,
            dict(record["unavailable"]),
        )
