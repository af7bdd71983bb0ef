"""Which instructions of this processor matter to the speed of inference, and what follows for bf16."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

__all__ = ["FULL_RANGE", "bf16_is_faster", "cpu_features", "cpu_name", "features_of_cpuinfo"]

_CPUINFO = Path("/proc/cpuinfo")

_X86 = {
    "amx_int8": "AMX-int8",
    "amx_bf16": "AMX-BF16",
    "avx512_vnni": "AVX512-VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "avx512f": "AVX512",
    "avx2": "AVX2",
}
_ARM = {"i8mm": "NEON-i8mm", "asimddp": "NEON-dot-product", "sve": "SVE", "asimd": "NEON"}
_APPLE = {
    "hw.optional.arm.FEAT_I8MM": "NEON-i8mm",
    "hw.optional.arm.FEAT_DotProd": "NEON-dot-product",
    "hw.optional.AdvSIMD": "NEON",
    "hw.optional.avx512f": "AVX512",
    "hw.optional.avx2_0": "AVX2",
}

FULL_RANGE = frozenset({"AVX512-VNNI", "AVX-VNNI", "AMX-int8", "NEON-dot-product", "NEON-i8mm"})
"""Without one of these ONNX Runtime cuts the sum of two products of 8-bit numbers to 16 bits, so weights are to have 7 bits."""


def cpu_features() -> tuple[str, ...] | None:
    """Return the features found, the most useful first; None where this system does not tell (Windows)."""
    if sys.platform == "darwin":
        return tuple(name for key, name in _APPLE.items() if _sysctl(key) == "1")
    try:
        return features_of_cpuinfo(_CPUINFO.read_text())
    except OSError:
        return None


def bf16_is_faster() -> bool:
    """Return whether this processor multiplies matrices in bf16 faster than in float32: with AMX, or AVX512-BF16 of AMD.

    Intel's cores have one unit for AVX512-BF16 and two for float32: without AMX, which virtual machines often hide, bf16 gains
    nothing there and loses the conversion.
    """
    features = cpu_features() or ()
    return "AMX-BF16" in features or ("AVX512-BF16" in features and "AMD" in cpu_name())


def features_of_cpuinfo(text: str) -> tuple[str, ...]:
    """Return the features that a Linux `/proc/cpuinfo` lists under `flags` (x86) or `Features` (ARM)."""
    flags: set[str] = set()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"flags", "Features"}:
            flags = set(value.split())
            break
    return tuple(name for flag, name in {**_X86, **_ARM}.items() if flag in flags)


def cpu_name() -> str:
    """Return the processor's name as its maker writes it, or the machine type."""
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string") or platform.machine()
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _sysctl(key: str) -> str:
    try:
        run = subprocess.run(  # noqa: S603
            ["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout.strip()
