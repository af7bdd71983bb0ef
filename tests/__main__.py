"""`python -m tests`: every check of the project in one command: lint, format, types, import contracts, the suite.

All of them run, whatever fails; the suite comes last, on all cores. With arguments only pytest runs, and gets them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]

CHECKS = {
    "lint": ["-m", "ruff", "check", "."],
    "format": ["-m", "ruff", "format", "--check", "."],
    "types": ["-m", "mypy"],
    "import contracts": ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
}
"""What Python is called with for each check."""

ON_ALL_CORES = ["-n", "logical", "--maxprocesses", "8", "--dist", "loadfile"]
"""A file's tests share what its fixtures make, so they stay together."""


def main(arguments: Sequence[str]) -> int:
    """Run the checks, then the suite; return 1 if any failed."""
    checks = {} if arguments else CHECKS
    failed = [name for name, command in checks.items() if not _passes(name, command)]
    if not _passes("suite", ["-m", "pytest", "-q", *(arguments or ON_ALL_CORES)]):
        failed.append("suite")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)  # noqa: T201
    return int(bool(failed))


def _passes(name: str, command: Sequence[str]) -> bool:
    print(f"== {name}", flush=True)  # noqa: T201
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
