from __future__ import annotations

import pytest

from localrank.providers.diagnosis import Finding
from localrank_transformers.commands import diagnosis
from localrank_transformers.commands.diagnosis import diagnose
from localrank_transformers.engines.native import agreement
from localrank_transformers.engines.native.library import VARIABLE, Absence, usable
from localrank_transformers.models import bundled
from localrank_transformers.models.cpu_features import cpu_name, features_of_cpuinfo

X86 = "processor : 0\nmodel name : Some CPU\nflags\t\t: fpu avx2 avx512f avx512_vnni sse\nflags : none\n"
ARM = "processor : 0\nFeatures\t: fp asimd aes asimddp i8mm\n"

with_kernels = pytest.mark.skipif(not usable(), reason="no compiled kernels for this machine")


def findings() -> dict[str, Finding]:
    return {one.name: one for section in diagnose() for one in section.findings}


def test_all_is_well_here() -> None:
    assert {one.state for one in findings().values()} <= {"ok", "note"}
    assert findings()["onnxruntime"].state == "ok"


def test_the_most_useful_feature_comes_first() -> None:
    assert features_of_cpuinfo(X86) == ("AVX512-VNNI", "AVX512", "AVX2")
    assert features_of_cpuinfo(ARM) == ("NEON-i8mm", "NEON-dot-product", "NEON")
    assert features_of_cpuinfo("") == ()


def test_the_processor_has_a_name() -> None:
    assert cpu_name()


@pytest.mark.parametrize(
    ("features", "state"), [(("AVX2",), "note"), (("AVX512-VNNI", "AVX2"), "ok"), (None, "note")]
)
def test_a_processor_without_a_dot_product_is_worth_a_note(
    monkeypatch: pytest.MonkeyPatch, features: tuple[str, ...] | None, state: str
) -> None:
    monkeypatch.setattr(diagnosis, "cpu_features", lambda: features)

    assert findings()["features"].state == state


def test_a_damaged_embedded_model_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {**bundled.SHA256["localrank-mini"], "config.json": "0" * 64}
    monkeypatch.setitem(bundled.SHA256, "localrank-mini", wrong)

    assert findings()["localrank-mini"].state == "broken"
    assert "SHA-256" in findings()["localrank-mini"].value


def test_the_offline_switch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in findings()["offline"].value
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert "offline" not in findings()


@with_kernels
def test_the_kernels_have_a_name_and_their_bits_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    name = usable()[-1].name
    monkeypatch.setenv(VARIABLE, name)
    assert f"{name}, as {VARIABLE} says" in findings()["compiled kernels"].value
    assert findings()["their bits"].state == "ok"
    monkeypatch.setitem(agreement.SUMS, "localrank-tiny", "0" * 64)
    assert findings()["their bits"].state == "broken"
    assert "localrank-tiny" in findings()["their bits"].value


@with_kernels
def test_kernels_that_are_not_there_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "sse2")
    assert findings()["compiled kernels"].state == "broken"
    assert "their bits" not in findings()


@pytest.mark.parametrize(
    ("absence", "state"),
    [
        pytest.param(None, "ok", marks=with_kernels),
        (Absence("no compiler"), "note"),
        (Absence("no compiler", "Get one."), "note"),
    ],
)
def test_the_compiled_kernels_are_there_or_it_says_why(
    monkeypatch: pytest.MonkeyPatch, absence: Absence | None, state: str
) -> None:
    monkeypatch.setattr(diagnosis, "absence", lambda: absence)
    found = findings()["compiled kernels"]
    assert found.state == state
    assert (absence.reason if absence else "run the graphs") in found.value
    assert found.hint == (absence.remedy if absence else None)
