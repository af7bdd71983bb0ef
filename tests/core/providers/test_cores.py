"""The cores that a control group grants, in both versions of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank.providers import cores as cores_module
from localrank.providers.cores import cgroup_quota, limit_cores, usable_cores


@pytest.mark.parametrize(("content", "cores"), [("150000 100000\n", 1.5), ("max 100000\n", None)])
def test_version_2(tmp_path: Path, content: str, cores: float | None) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert cores == cgroup_quota(tmp_path)


@pytest.mark.parametrize(("quota", "cores"), [("200000", 2.0), ("-1", None)])
def test_version_1(tmp_path: Path, quota: str, cores: float | None) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    assert cores == cgroup_quota(tmp_path)


def test_no_group_sets_no_limit(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path) is None
    assert usable_cores() >= 1


def test_a_limit_holds_for_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores_module, "_most", float("inf"))
    before = usable_cores()

    limit_cores(before + 1)
    assert usable_cores() == before
    limit_cores(1)
    assert usable_cores() == 1
