"""When a call passes to the next model, and how the answer says so."""

from __future__ import annotations

import pickle

import anyio
import pytest

from localrank import (
    AuthenticationError,
    ConnectionFailedError,
    Fallback,
    Identity,
    InvalidRequestError,
    MissingDependencyError,
    ModelLoadError,
    RateLimitError,
    RerankAbortedError,
    RerankTimeoutError,
    ServerError,
    rerank,
)
from tests.support.small_models import Clock, Failing, Flag, Scoring, Sleeping

pytestmark = pytest.mark.anyio

DOCUMENTS = ["a", "ccc", "bb"]


def served_by(result):
    return result.provider_metadata["localrank"]["served_by"]


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("slow down", status=429),
        ServerError("down", status=503),
        ConnectionFailedError("refused"),
        MissingDependencyError("no package"),
        ModelLoadError("no file"),
        RerankTimeoutError("late"),
        ConnectionResetError("reset"),
    ],
)
async def test_a_typed_failure_passes_the_call_on(error):
    result = await rerank(Fallback(Failing(error), Scoring(name="second")), "q", DOCUMENTS)
    assert served_by(result) == "small:second"
    assert [hit.index for hit in result] == [1, 2, 0]


async def test_one_warning_names_what_failed_and_who_served():
    model = Fallback(Failing(ServerError("secret words", status=503)), Scoring(name="second"))
    (warning,) = (await rerank(model, "q", DOCUMENTS)).warnings
    assert warning.type == "fallback"
    assert (
        warning.message == "small:failing failed with ServerError (status 503); small:second served the call."
    )


async def test_the_first_model_serves_without_a_warning():
    result = await rerank(Fallback(Scoring(name="first"), Identity()), "q", DOCUMENTS)
    assert (served_by(result), result.warnings) == ("small:first", ())


@pytest.mark.parametrize(
    "error", [InvalidRequestError("bad"), AuthenticationError("no", status=401), KeyError("x")]
)
async def test_bad_arguments_a_refused_key_and_bugs_do_not_pass_on(error):
    second = Scoring()
    with pytest.raises(type(error)):
        await rerank(Fallback(Failing(error), second), "q", DOCUMENTS, max_retries=0)
    assert second.calls == []


async def test_an_abort_never_passes_on_whatever_on_says():
    second = Scoring()
    model = Fallback(Failing(RerankAbortedError()), second, on=Exception)
    with pytest.raises(RerankAbortedError):
        await rerank(model, "q", DOCUMENTS, max_retries=0)
    assert second.calls == []


async def test_a_failure_after_an_abort_asks_nobody_else():
    flag, second = Flag(), Scoring()

    class Aborting(Failing):
        async def do_rerank(self, options):
            flag.set()
            raise ServerError("down", status=500)

    with pytest.raises(RerankAbortedError):
        await rerank(Fallback(Aborting(None), second), "q", DOCUMENTS, abort_event=flag)
    assert second.calls == []


async def test_on_chooses_other_errors():
    model = Fallback(
        Failing(AuthenticationError("no", status=401)), Scoring(name="b"), on=AuthenticationError
    )
    assert served_by(await rerank(model, "q", DOCUMENTS)) == "small:b"


async def test_a_stage_out_of_its_time_passes_the_call_on():
    slow = Sleeping(30)
    with anyio.fail_after(10):
        result = await rerank(Fallback(slow, Scoring(name="b"), stage_timeout=0.05), "q", DOCUMENTS)
    assert (served_by(result), slow.cancelled) == ("small:b", 1)
    assert "RerankTimeoutError" in result.warnings[0].message


async def test_the_last_model_has_no_stage_timeout():
    result = await rerank(Fallback(Sleeping(0.1, name="only"), stage_timeout=0.01), "q", DOCUMENTS)
    assert served_by(result) == "small:only"


async def test_when_all_fail_the_last_error_comes_with_notes_of_the_others():
    model = Fallback(
        Failing(ServerError("down", status=500)), Failing(RateLimitError("slow", status=429), name="second")
    )
    with pytest.raises(RateLimitError) as caught:
        await rerank(model, "q", DOCUMENTS, max_retries=0)
    assert caught.value.__notes__ == ["Before it, small:failing failed with ServerError (status 500)."]


async def test_only_the_outermost_call_is_retried():
    first, second = Failing(ServerError("x", status=500)), Failing(ServerError("y", status=500), None)
    result = await rerank(Fallback(first, second, failure_threshold=9), "q", DOCUMENTS, retry=_at_once())
    assert (len(first.calls), len(second.calls)) == (2, 2)
    assert served_by(result) == "small:failing"


def _at_once():
    from localrank import RetryPolicy

    return RetryPolicy(initial_delay=0.0)


async def test_identity_keeps_the_callers_order_as_a_last_resort():
    result = await rerank(Fallback(Failing(ServerError("x", status=500)), Identity()), "q", DOCUMENTS)
    assert [hit.index for hit in result] == [0, 1, 2]
    assert (served_by(result), result.score_kind) == ("identity:callers-order", "ordinal")


async def test_failures_in_a_row_open_the_circuit_and_a_trial_closes_it():
    clock = Clock()
    first = Failing(ServerError("x", status=500), ServerError("x", status=500), None)
    model = Fallback(first, Identity(), failure_threshold=2, reset_after=30, now=clock)
    for _ in range(4):
        result = await rerank(model, "q", DOCUMENTS)
    assert len(first.calls) == 2
    assert (
        result.warnings[0].message == "small:failing was passed over; identity:callers-order served the call."
    )
    clock.time = 30.0
    assert served_by(await rerank(model, "q", DOCUMENTS)) == "small:failing"
    assert served_by(await rerank(model, "q", DOCUMENTS)) == "small:failing"


async def test_a_failed_trial_opens_the_circuit_again():
    clock = Clock()
    first = Failing(ServerError("x", status=500))
    model = Fallback(first, Identity(), failure_threshold=2, reset_after=30, now=clock)
    for _ in range(2):
        await rerank(model, "q", DOCUMENTS)
    clock.time = 31.0
    await rerank(model, "q", DOCUMENTS)
    await rerank(model, "q", DOCUMENTS)
    assert len(first.calls) == 3


async def test_an_aborted_trial_leaves_the_next_call_a_trial():
    clock = Clock()
    first = Failing(ServerError("x", status=500), RerankAbortedError(), None)
    model = Fallback(first, Identity(), failure_threshold=1, reset_after=1, now=clock)
    await rerank(model, "q", DOCUMENTS)
    clock.time = 2.0
    with pytest.raises(RerankAbortedError):
        await rerank(model, "q", DOCUMENTS)
    assert served_by(await rerank(model, "q", DOCUMENTS)) == "small:failing"


async def test_half_open_lets_one_call_through_at_a_time():
    clock = Clock()
    slow = Sleeping(0.1, name="slow")
    model = Fallback(slow, Identity(), failure_threshold=1, reset_after=1, now=clock)
    model._breakers[0].failed()
    clock.time = 2.0
    served: list[str] = []

    async def call():
        served.append(served_by(await rerank(model, "q", DOCUMENTS)))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(call)
    assert served == ["identity:callers-order", "identity:callers-order", "small:slow"]


async def test_open_circuits_alone_never_fail_a_call():
    first = Failing(ServerError("x", status=500), None)
    model = Fallback(first, failure_threshold=1, reset_after=1000)
    with pytest.raises(ServerError):
        await rerank(model, "q", DOCUMENTS, max_retries=0)
    assert served_by(await rerank(model, "q", DOCUMENTS)) == "small:failing"


async def test_only_the_models_before_the_one_that_served_were_passed_over():
    down = ServerError("x", status=500)
    model = Fallback(
        Failing(down, None, name="a"), Failing(down, None, name="b"), failure_threshold=1, reset_after=1000
    )
    with pytest.raises(ServerError):
        await rerank(model, "q", DOCUMENTS, max_retries=0)
    result = await rerank(model, "q", DOCUMENTS)
    assert served_by(result) == "small:a"
    assert result.warnings == ()


async def test_a_deadline_gives_the_callers_order_and_no_further_model():
    second = Scoring()
    with anyio.fail_after(10):
        result = await rerank(Fallback(Sleeping(30), second), "q", DOCUMENTS, deadline=0.05)
    assert [hit.index for hit in result] == [0, 1, 2]
    assert [warning.type for warning in result.warnings] == ["deadline_exceeded"]
    assert second.calls == []


async def test_usage_itemises_the_failed_stage_with_its_time():
    model = Fallback(Failing(ServerError("x", status=500)), Scoring(name="b"))
    stages = (await rerank(model, "q", DOCUMENTS)).usage.stages
    assert [stage.model_id for stage in stages] == ["failing", "b"]
    assert all(stage.usage.duration_ms is not None for stage in stages)


async def test_it_can_be_pickled_and_starts_with_closed_circuits():
    model = Fallback(Identity(), Identity(), failure_threshold=1)
    model._breakers[0].failed()
    copied = pickle.loads(pickle.dumps(model))
    assert copied._breakers[0].lets_through()


@pytest.mark.parametrize(
    "settings", [{"stage_timeout": 0}, {"stage_timeout": -1}, {"failure_threshold": 0}, {"reset_after": -1}]
)
async def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(InvalidRequestError, match=next(iter(settings))):
        Fallback(Scoring(), Identity(), **settings)
