"""From trained weights to a folder that every reranker here loads: calibrated weights, graphs, figures, model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from localrank.contract.errors import MissingDependencyError, ModelLoadError
from localrank.providers.files import give_ordinary_mode, replace_file
from localrank_transformers.engines.torch.weights import quiet
from localrank_transformers.models.folder.card import card_languages
from localrank_transformers.models.folder.model_files import TOKENIZER_FILES
from localrank_transformers.optimizing.optimize import Candidates, optimize
from localrank_transformers.rerankers.onnx import OnnxReranker
from localrank_transformers.training.data.development import measure
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.data.teacher import logits_by
from localrank_transformers.training.fitting.fitting import Fitted
from localrank_transformers.training.fitting.watching import list_logits
from localrank_transformers.training.model.head import has_bias, map_output
from localrank_transformers.training.model.late_folder import is_late_folder, write_layout
from localrank_transformers.training.publishing.calibrating import calibrate
from localrank_transformers.training.publishing.card import Facts, write_card
from localrank_transformers.training.request import RECORD, WORK, TrainRequest, TrainResult

__all__ = ["Material", "publish"]

_CALIBRATION_LISTS = 60
_CALIBRATION_DOCUMENTS = 8


@dataclass(frozen=True, slots=True)
class Material:
    """What was trained on, and what was measured on."""

    train: Sequence[TrainingList]
    dev: Sequence[TrainingList]


def publish(
    fitted: Fitted,
    result: TrainResult,
    request: TrainRequest,
    material: Material,
    on_step: Callable[[str], None],
) -> TrainResult:
    """Write the model to `request.out` and return `result` with its figures.

    Args:
        fitted: The trained model.
        result: What is known so far.
        request: What was asked for.
        material: Its development part also fits what makes the score a probability.
        on_step: Told what is being done.
    """
    out = request.out
    on_step("measure and calibrate")
    logits = list_logits(fitted.model, material.dev)
    module = fitted.model[0].model
    calibrated = calibrate(logits, material.dev, shifts=has_bias(module))
    map_output(module, calibrated.scale, calibrated.shift)
    start = out / WORK / "start"
    late = is_late_folder(start)
    _write_weights(module, out, start, late=late)
    agreement, int8 = _graphs(out, material, on_step)
    result = replace(result, after=measure(material.dev, logits), int8=int8, calibrated=calibrated)
    facts = Facts(
        request=request,
        result=result,
        history=fitted.history,
        device=fitted.device,
        dtype=fitted.dtype,
        config=module.config.to_dict(),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        max_length=int(fitted.model.max_seq_length),
        agreement=agreement,
        languages=card_languages(start),
        late=late,
    )
    write_card(facts, material.train, material.dev, out / "README.md")
    record = {"result": asdict(result), "request": asdict(request), "history": fitted.history}
    replace_file(out / RECORD, json.dumps(record, indent=2, default=str) + "\n")
    if not request.keep_checkpoints:
        shutil.rmtree(out / WORK, ignore_errors=True)
    return result


def _write_weights(module: Any, out: Path, start: Path, *, late: bool) -> None:
    with quiet():
        module.float().save_pretrained(out)
    for weights in out.glob("*.safetensors"):
        give_ordinary_mode(weights)
    if late:
        write_layout(out)
    for name in TOKENIZER_FILES:
        if (start / name).is_file():
            shutil.copyfile(start / name, out / name)


def _graphs(
    out: Path, material: Material, on_step: Callable[[str], None]
) -> tuple[dict[str, Any] | None, float | None]:
    """Write both graphs; return how well int8 agrees and its measure, None where the architecture has no graph of ours."""
    try:
        shutil.rmtree(out / "onnx", ignore_errors=True)
        agreement = optimize(out, out, candidates=_candidates(material), on_step=on_step)
        on_step("measure int8")
        reranker = OnnxReranker(out, precision="int8")
        return asdict(agreement), measure(material.dev, logits_by(reranker, material.dev))
    except (ModelLoadError, MissingDependencyError) as error:
        on_step(f"no graphs: {error} Write them with: localrank models export {out} --out FOLDER")
        return None, None


def _candidates(material: Material) -> list[Candidates]:
    """Return as many lists from the training part, which calibrate int8, as from the other, which measure it."""
    count = min(len(material.train), len(material.dev), _CALIBRATION_LISTS)
    chosen = [*material.train[:count], *material.dev[:count]]
    return [Candidates(example.query, example.documents[:_CALIBRATION_DOCUMENTS]) for example in chosen]
