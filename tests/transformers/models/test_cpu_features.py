"""What a processor says of itself, and what follows for bf16."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank_transformers.models import cpu_features

AMD, INTEL = "AMD EPYC 9B45", "Intel(R) Xeon(R) Processor"


@pytest.mark.skipif(cpu_features.sys.platform == "darwin", reason="macOS has no /proc/cpuinfo")
@pytest.mark.parametrize(
    ("name", "flags", "faster"),
    [
        (AMD, "avx2 avx512f avx512_bf16", True),
        (INTEL, "avx2 avx512f avx512_bf16", False),
        (INTEL, "avx2 avx512f avx512_bf16 amx_bf16", True),
        (AMD, "avx2 avx512f", False),
    ],
)
def test_bf16_is_faster_with_amx_or_with_amds_avx512(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, flags: str, faster: bool
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nmodel name\t: {name}\nflags\t\t: {flags}\n")
    monkeypatch.setattr(cpu_features, "_CPUINFO", file)
    assert cpu_features.bf16_is_faster() is faster


def test_a_system_that_does_not_tell_has_no_faster_bf16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_features, "_CPUINFO", tmp_path / "absent")
    monkeypatch.setattr(cpu_features.sys, "platform", "linux")
    assert not cpu_features.bf16_is_faster()
