"""Rules of manners: identity, usage, options, progress, closing, pickling."""

from __future__ import annotations

import pickle
from dataclasses import fields
from typing import Any

from localrank.calling.rerank import rerank
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.contract.types import RerankUsage
from localrank.testing.conformance.bench import DOCUMENTS, QUERY, Bench, close, rule

__all__ = [
    "check_close_twice",
    "check_identity",
    "check_instruction",
    "check_optional_members",
    "check_options_of_others",
    "check_pickle",
    "check_progress",
    "check_unknown_option",
    "check_usage",
    "check_warm_up",
]


@rule
async def check_identity(bench: Bench) -> None:
    """`provider` and `model_id` are strings with something in them, the same before and after a call."""
    async with bench.model() as model:
        before = (model.provider, model.model_id)
        named = all(isinstance(name, str) and name.strip() for name in before)
        bench.require(named and ":" not in before[0], "two names, the provider's without a colon", before)
        await bench.scores(model, DOCUMENTS)
        after = (model.provider, model.model_id)
        bench.require(after == before, f"the names {before} after a call too", after)


@rule
async def check_optional_members(bench: Bench) -> None:
    """Optional members, where there are any, are of the documented type."""
    wanted: dict[str, type | tuple[type, ...]] = {
        "scores_comparable": bool,
        "accepts_objects": bool,
        "needs_text": bool,
        "reads_images": bool,
        "max_documents_per_call": (int, type(None)),
        "fingerprint": str,
    }
    async with bench.model() as model:
        for name, kind in wanted.items():
            value = getattr(model, name, None)
            bench.require(value is None or isinstance(value, kind), f"{name} of type {kind}", repr(value))


@rule
async def check_usage(bench: Bench) -> None:
    """Usage says how long the call took, and no figure is negative."""
    async with bench.model() as model:
        usage = (await rerank(model, QUERY, DOCUMENTS, max_retries=0)).usage
        bench.require(usage.duration_ms is not None, "a duration_ms", usage)
        for name in (field.name for field in fields(RerankUsage)):
            value = getattr(usage, name)
            fine = not isinstance(value, (int, float)) or value >= 0
            bench.require(fine, f"usage.{name} of at least 0", value)
        cut = usage.truncated_documents or 0
        bench.require(cut <= len(DOCUMENTS), f"at most {len(DOCUMENTS)} truncated documents", cut)


@rule
async def check_unknown_option(bench: Bench) -> None:
    """An option that the provider does not have yields a warning or `InvalidRequestError`, and is never lost in silence."""
    async with bench.model() as model:
        options = {model.provider: {"no_such_option": 1}}
        try:
            result = await rerank(model, QUERY, DOCUMENTS, provider_options=options, max_retries=0)
        except InvalidRequestError:
            return
        bench.require(bool(result.warnings), "a warning or InvalidRequestError", "neither")


@rule
async def check_options_of_others(bench: Bench) -> None:
    """Options for another provider are no business of this one: no error, no warning, the same scores."""
    async with bench.model() as model:
        await rerank(model, QUERY, DOCUMENTS, max_retries=0)  # a first result may bring what is said once
        plain = await rerank(model, QUERY, DOCUMENTS, max_retries=0)
        options = {"some-other-provider": {"no_such_option": 1}}
        result = await rerank(model, QUERY, DOCUMENTS, provider_options=options, max_retries=0)
        bench.require(len(result.warnings) == len(plain.warnings), "no further warning", result.warnings)
        expected, seen = ([hit.index for hit in ranking] for ranking in (plain, result))
        bench.require(expected == seen, f"the order {expected}", seen)


@rule
async def check_instruction(bench: Bench) -> None:
    """An instruction changes scores, or a warning with the feature `instruction` says that it does not."""
    async with bench.model() as model:
        plain = await bench.scores(model, DOCUMENTS)
        instruction = "Only texts about baking are relevant."
        result = await rerank(model, QUERY, DOCUMENTS, instruction=instruction, max_retries=0)
        if any(warning.feature == "instruction" for warning in result.warnings):
            return
        scores = [hit.score for hit in sorted(result, key=lambda hit: hit.index)]
        bench.require(scores != plain, "other scores or a warning", "the instruction ignored in silence")


@rule
async def check_progress(bench: Bench) -> None:
    """Progress, where it is reported, counts from 0 to the total and never beyond."""
    reported: list[tuple[int, int]] = []
    async with bench.model() as model:
        await bench.raw(model, report_progress=lambda done, total: reported.append((done, total)))
    for done, total in reported:
        bench.require(0 <= done <= total, "0 ≤ done ≤ total", (done, total))


@rule
async def check_warm_up(bench: Bench) -> None:
    """`warm_up`, where there is one, can be awaited twice and changes no score."""
    async with bench.model() as cold:
        expected = await bench.scores(cold, DOCUMENTS)
    async with bench.model() as model:
        warm_up = getattr(model, "warm_up", None)
        if warm_up is not None:
            await warm_up()
            await warm_up()
        bench.require_same(expected, await bench.scores(model, DOCUMENTS), "after warm_up")


@rule
async def check_close_twice(bench: Bench) -> None:
    """`aclose`, where there is one, can be awaited before any call, after one, and again."""
    unused = bench.take()
    await close(unused)
    await close(unused)
    used = bench.take()
    await bench.scores(used, DOCUMENTS)
    await close(used)
    await close(used)


@rule
async def check_pickle(bench: Bench) -> None:
    """A model survives pickling with its scores, used or not, or refuses it with an error that says why."""
    async with bench.model() as model:
        expected = await bench.scores(model, DOCUMENTS)
        copied = _pickled(bench, model)
        if copied is None:
            return
        try:
            bench.require_same(expected, await bench.scores(copied, DOCUMENTS), "after pickling")
        finally:
            await close(copied)


def _pickled(bench: Bench, model: AnyReranker) -> Any:
    try:
        return pickle.loads(pickle.dumps(model))  # noqa: S301  # our own bytes, of this moment
    except (TypeError, AttributeError, pickle.PicklingError) as error:  # the last two: a class in a function
        bench.require(bool(str(error).strip()), "a message that says why", repr(error))
        return None
