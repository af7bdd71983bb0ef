"""The pytest class: one test a rule and backend, skips for waivers, a failure that names the rule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from localrank.testing import CONFORMANCE_CHECKS

SUITE = """
from dataclasses import replace
from localrank.testing import LexicalReranker, RerankerConformance

class Silent(LexicalReranker):
    async def do_rerank(self, options):
        return replace(await super().do_rerank(options), warnings=())

class TestSilent(RerankerConformance):
    waivers = {"instruction": "It reads none.", "deadline": "It says nothing."}

    def make(self):
        return Silent()
"""


def test_a_subclass_in_a_folder_of_its_own_runs_every_rule_on_both_backends(tmp_path: Path) -> None:
    (tmp_path / "test_silent.py").write_text(SUITE, "utf-8")

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rs",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            str(tmp_path),
        ],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )

    passed = 2 * (len(CONFORMANCE_CHECKS) - 3)
    assert f"2 failed, {passed} passed, 4 skipped" in done.stdout, done.stdout + done.stderr
    assert "waived: It reads none." in done.stdout
    assert "lexical:default breaks the rule 'unknown_option': expected a warning or" in done.stdout
