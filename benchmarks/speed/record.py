"""The JSON file of a run, saved after every workload, so that a run that is cut short can be resumed."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.common.machine import describe
from benchmarks.common.results import command_line
from benchmarks.speed.measurements import ModelResult, WorkloadResult

__all__ = ["Record"]


class Record:
    """Results by model.

    Args:
        folder: Holds `speed.json`.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "speed.json"
        self.commands: list[str] = []
        self.measured_at = ""
        self.machine = describe()
        self.models: list[ModelResult] = []

    def read(self) -> Record:
        """Take over what the file holds, if there is one."""
        if self._file.is_file():
            content = json.loads(self._file.read_text())
            self.commands, self.measured_at = content["commands"], content["measured_at"]
            self.machine = content["machine"]
            self.models = [ModelResult.from_json(one) for one in content["models"]]
        return self

    def model(self, name: str, shape: str) -> ModelResult:
        """Return the results of the weights `name`, new ones if there are none."""
        for model in self.models:
            if model.name == name:
                return model
        self.models.append(ModelResult(name, shape))
        return self.models[-1]

    def has(
        self, model: ModelResult, kind: str, size: int, systems: AbstractSet[str], repetitions: int
    ) -> bool:
        """Return whether a workload is measured for all `systems`, often enough and undisturbed."""
        return any(
            (one.kind, one.size) == (kind, size)
            and systems <= one.systems.keys()
            and len(one.others) >= repetitions
            and not one.contaminated
            for one in model.workloads
        )

    def enter(self, model: ModelResult, result: WorkloadResult) -> None:
        """Put a workload in place of an older one, and save."""
        model.workloads = [
            one for one in model.workloads if (one.kind, one.size) != (result.kind, result.size)
        ]
        model.workloads.append(result)
        model.workloads.sort(key=lambda one: (one.kind != "short", one.size))
        self.save()

    def save(self) -> None:
        """Write the file."""
        command = command_line()
        self.commands = [*(one for one in self.commands if one != command), command]
        self.measured_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "commands": self.commands,
            "measured_at": self.measured_at,
            "machine": self.machine,
            "models": [model.to_json() for model in self.models],
        }
        self._file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
