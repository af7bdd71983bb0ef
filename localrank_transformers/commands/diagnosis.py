"""What `localrank doctor` learns of the local provider: engines, processor, the embedded model, the cache folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from localrank.contract.errors import MissingDependencyError, RerankError
from localrank.providers.cores import cgroup_quota, usable_cores
from localrank.providers.diagnosis import Finding, Section
from localrank_transformers.engines.native.library import VARIABLE, Kernels, absence, library
from localrank_transformers.engines.torch.settings import INSTALL_HINT, TorchSettings, require_packages
from localrank_transformers.models import bundled
from localrank_transformers.models.cpu_features import cpu_features, cpu_name
from localrank_transformers.models.hub.download import cache_folder

__all__ = ["diagnose"]

_FAST_INT8 = frozenset({"AMX-int8", "AVX512-VNNI", "AVX-VNNI", "NEON-dot-product", "NEON-i8mm"})
_OFFLINE_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def diagnose() -> tuple[Section, ...]:
    """Return what there is to say, without connecting to anything; only the embedded models are loaded, to be compared."""
    return (
        Section("Local engines", (_onnxruntime(), *_kernels(), _package("tokenizers"), _onnx(), _torch())),
        Section("Processor", tuple(_processor())),
        Section("Local models", (*map(_embedded, bundled.LANGUAGES), *_hub_cache())),
    )


def _onnxruntime() -> Finding:
    try:
        from localrank_transformers.engines.onnx.session import available_providers, runtime_version  # noqa: PLC0415 - run also where it cannot be imported
    except MissingDependencyError as error:
        if absence() is None:
            text = "not installed: only graphs that localrank wrote can run, on the compiled kernels"
            return Finding("onnxruntime", text, "note", error.hint)
        return Finding(
            "onnxruntime", "not installed, and there are no compiled kernels", "broken", error.hint
        )
    except Exception as error:
        return Finding(
            "onnxruntime",
            f"{type(error).__name__}: {error}",
            "broken",
            "pip install --force-reinstall onnxruntime",
        )
    return Finding("onnxruntime", f"{runtime_version()} with {', '.join(available_providers())}")


def _kernels() -> Iterator[Finding]:
    name, absent = "compiled kernels", absence()
    if absent is not None:
        text = f"not here, {absent.reason}: onnxruntime does their work, slower"
        yield Finding(name, text, "note", absent.remedy)
        return
    try:
        kernels = library()
    except RerankError as error:
        yield Finding(name, error.message, "broken", error.hint)
        return
    if kernels is None:
        return
    asked = f", as {VARIABLE} says" if os.environ.get(VARIABLE) else ""
    yield Finding(name, f"{kernels.name}{asked}, run the graphs that localrank wrote")
    yield _agreement(kernels)


def _agreement(kernels: Kernels) -> Finding:
    name = "their bits"
    try:
        from localrank_transformers.engines.native.agreement import recorded, sum_of_bits  # noqa: PLC0415 - run also where it cannot be imported

        differ = [model for model, expected in recorded().items() if sum_of_bits(kernels, model) != expected]
    except Exception as error:
        return Finding(name, f"not compared, {type(error).__name__}: {error}", "note")
    if differ:
        hint = "Install localrank again, with another C compiler; if it stays, report it with this page."
        return Finding(name, f"not those recorded, of {' and '.join(differ)}", "broken", hint)
    return Finding(name, "those recorded: the embedded models score as on every machine with kernels")


def _package(name: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", "broken")


def _onnx() -> Finding:
    try:
        return Finding("onnx", f"{version('onnx')}: exported graphs are made faster once, at the first load")
    except PackageNotFoundError:
        return Finding(
            "onnx",
            "not installed: exported graphs run as they are",
            "note",
            'pip install "localrank[optimize]"',
        )


def _torch() -> Finding:
    try:
        installed = version("torch")
    except PackageNotFoundError:
        return Finding("torch", "not installed", "note", INSTALL_HINT)
    try:
        require_packages()
        from localrank_transformers.engines.torch import device  # noqa: PLC0415  # torch comes with it
        from localrank_transformers.engines.torch.packed import decide  # noqa: PLC0415

        chosen = device.choose("auto", "auto")
        attention = decide(TorchSettings(), chosen, "BertForSequenceClassification").attention
        if attention == "packed":
            chosen = device.in_bf16_where_faster(chosen)
    except Exception as error:
        return Finding("torch", f"{installed}: {type(error).__name__}: {error}", "broken", INSTALL_HINT)
    how = "packed" if attention == "packed" else "transformers' own"
    return Finding(
        "torch",
        f"{installed}; TorchReranker would use {chosen.device_name} in {chosen.dtype_name}, "
        f"{how} attention for BERT and its kin",
    )


def _processor() -> Iterator[Finding]:
    yield Finding("name", cpu_name())
    features = cpu_features()
    if features is None:
        yield Finding("features", "this system does not tell", "note")
    elif _FAST_INT8.isdisjoint(features):
        yield Finding(
            "features",
            " ".join(features) or "none known",
            "note",
            "No dot product for int8: it will be slower.",
        )
    else:
        yield Finding("features", " ".join(features))
    quota = cgroup_quota()
    granted = "" if quota is None else f", a quota of {quota:g} from the control group"
    yield Finding("cores", f"{usable_cores()} usable of {os.cpu_count()}{granted}")


def _embedded(name: str) -> Finding:
    try:
        content = {file: bundled.read_file(name, file) for file in bundled.sums(name)}
    except MissingDependencyError as error:
        return Finding(name, "not installed", "note", error.hint)
    except RerankError as error:
        return Finding(name, error.message, "broken", error.hint)
    megabytes = sum(map(len, content.values())) / 1e6
    return Finding(name, f"embedded, {megabytes:.0f} MB, checksums right, in {bundled.model_folder(name)}")


def _hub_cache() -> Iterator[Finding]:
    try:
        cache = cache_folder(None)
    except MissingDependencyError as error:
        yield Finding("huggingface-hub", "not installed: no models of the hub", "note", error.hint)
        return
    models = len(list(cache.glob("models--*"))) if cache.is_dir() else 0
    state = f"{models} model{'' if models == 1 else 's'}" if cache.is_dir() else "not there yet"
    yield Finding("cache folder", f"{cache} ({state})")
    switches = [
        name for name in _OFFLINE_SWITCHES if os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}
    ]
    if switches:
        yield Finding("offline", f"{' and '.join(switches)} set: nothing is downloaded")
