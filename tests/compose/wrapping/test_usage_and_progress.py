"""Several stages as one figure."""

from __future__ import annotations

from localrank import RerankUsage, StageUsage
from localrank.compose.wrapping.progress import SharedProgress
from localrank.compose.wrapping.stages import summed
from localrank.contract.model import ignore_progress


def stage(**figures) -> StageUsage:
    return StageUsage("provider", "model", RerankUsage(**figures))


def test_known_figures_are_added_and_unknown_ones_stay_unknown():
    usage = summed(
        [stage(input_tokens=2, load_ms=1.5), stage(input_tokens=3, load_ms=2.0, truncated_documents=1)]
    )
    assert (usage.input_tokens, usage.load_ms, usage.truncated_documents) == (5, 3.5, 1)
    assert (usage.search_units, usage.estimated_cost, usage.duration_ms) == (None, None, None)
    assert usage.tokens_estimated is False


def test_tokens_known_of_some_stages_only_are_an_estimate():
    assert summed([stage(input_tokens=2), stage()]).tokens_estimated is True


def test_the_stages_stand_beneath_the_sum():
    stages = [stage(api_calls=1), stage(api_calls=2)]
    assert summed(stages).stages == tuple(stages)


def test_cache_hits_of_the_wrapper_and_its_stages_add_up():
    assert summed([stage(cache_hits=2)], cache_hits=3).cache_hits == 5


def test_no_stage_has_read_no_token():
    assert summed([]).input_tokens == 0


def test_progress_counts_work_and_tells_documents():
    told: list[tuple[int, int]] = []
    progress = SharedProgress(lambda *figures: told.append(figures), 10, [10, 10])
    progress.stage(0)(5, 10)
    progress.finished(0)
    progress.stage(1)(1, 2)
    progress.finished(1)
    assert told == [(2, 10), (5, 10), (7, 10), (10, 10)]


def test_progress_never_falls():
    told: list[tuple[int, int]] = []
    report = SharedProgress(lambda *figures: told.append(figures), 10, [10]).stage(0)
    report(6, 10)
    report(4, 10)
    assert told == [(6, 10)]


def test_progress_that_nobody_wants_is_not_counted():
    assert SharedProgress(ignore_progress, 10, [10]).stage(0) is ignore_progress
