"""Scores into probabilities: the fit, the order, the file, the threshold."""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import (
    Cached,
    Calibrated,
    Diversified,
    DoRerankOptions,
    DoRerankResult,
    Identity,
    InvalidRequestError,
    LabelledPair,
    ScoredIndex,
    rerank,
)
from localrank.compose.rules.fitting import (
    fit_isotonic,
    fit_temperature,
    interpolated,
    logit_of,
    precision_curve,
    sigmoid,
)
from localrank.compose.single.calibration import Calibration, fit_calibration
from localrank.providers.unscored import RestUnscored, unscored
from tests.support.small_models import Listwise, Scoring

pytestmark = pytest.mark.anyio


def sample(count: int, slope: float, bias: float) -> tuple[list[float], list[bool]]:
    """Return logits and labels whose true probability is sigmoid(slope · logit + bias)."""
    draw = random.Random(7)
    logits = [draw.gauss(0, 2) for _ in range(count)]
    return logits, [draw.random() < sigmoid(slope * logit + bias) for logit in logits]


async def test_temperature_finds_the_slope_and_bias_that_made_the_labels():
    assert fit_temperature(*sample(20_000, 0.5, -1.0)) == pytest.approx((0.5, -1.0), abs=0.05)


async def test_a_temperature_without_a_bias_is_the_slope_alone():
    slope, bias = fit_temperature(*sample(20_000, 0.5, 0.0), biased=False)
    assert (slope, bias) == (pytest.approx(0.5, abs=0.05), 0.0)


async def test_four_pairs_in_the_right_order_do_not_make_a_temperature_sure():
    slope, bias = fit_temperature([1.0, 0.0, 0.0, 0.0], [True, False, False, False])
    assert sigmoid(slope + bias) == pytest.approx(2 / 3, abs=1e-3)  # Platt's target
    assert sigmoid(bias) == pytest.approx(1 / 5, abs=1e-3)


async def test_temperature_is_finite_where_the_labels_are_separated():
    slope, bias = fit_temperature([-2.0, -1.0, 1.0, 2.0], [False, False, True, True])
    assert math.isfinite(slope)
    assert math.isfinite(bias)
    assert slope > 0


async def test_isotonic_pools_what_falls():
    points = fit_isotonic([1.0, 2.0, 3.0, 4.0], [False, True, False, True])
    assert points == [(1.0, 0.0), (2.5, 0.5), (4.0, 1.0)]


async def test_isotonic_rises_strictly_in_both():
    scores, labels = sample(2_000, 1.0, 0.0)
    points = fit_isotonic([round(score, 1) for score in scores], labels)
    assert all(one < other for one, other in pairwise(points))
    assert all(one[1] < other[1] for one, other in pairwise(points))


@pytest.mark.parametrize(("score", "expected"), [(0.0, 0.1), (1.0, 0.1), (2.0, 0.3), (3.0, 0.5), (9.0, 0.5)])
async def test_between_points_the_fit_is_linear_and_flat_beyond(score, expected):
    assert interpolated([(1.0, 0.1), (3.0, 0.5)], score) == pytest.approx(expected)


async def test_precision_curve_counts_what_a_threshold_keeps():
    curve = precision_curve([0.9, 0.8, 0.8, 0.1], [True, False, True, False])
    assert curve == [(0.9, 1.0, 0.5), (0.8, 2 / 3, 1.0), (0.1, 0.5, 1.0)]


@given(st.floats(min_value=0, max_value=1))
def test_logit_is_the_inverse_of_sigmoid(probability):
    assert sigmoid(logit_of(probability)) == pytest.approx(probability, abs=1e-9)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
async def test_fitted_probabilities_are_as_often_right_as_they_say(method):
    logits, labels = sample(20_000, 0.5, -1.0)
    fitted = fit_calibration(logits, labels, method=method)
    near = [
        label for logit, label in zip(logits, labels, strict=True) if 0.2 < fitted.probability(logit) < 0.3
    ]
    assert sum(near) / len(near) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
@pytest.mark.parametrize("scale", [1.0, 0.05])
async def test_the_order_of_scores_is_kept(method, scale):
    logits, labels = sample(300, 1.0, 0.0)
    fitted = fit_calibration(logits, labels, method=method)
    rising = [scale * step for step in range(-20, 21)]
    probabilities = [fitted.probability(score) for score in rising]
    assert all(one < other for one, other in pairwise(probabilities))
    assert all(0 <= value <= 1 for value in probabilities)


def pairs(count: int = 200) -> list[LabelledPair]:
    draw = random.Random(3)
    made = []
    for number in range(count):
        length = draw.randint(1, 40)
        made.append(LabelledPair(f"q{number % 5}", "x" * length, draw.random() < sigmoid((length - 20) / 4)))
    return made


async def test_fit_asks_once_a_query_and_gives_a_probability():
    inner = Scoring(lambda text: len(text) - 20.0, score_kind="logit")
    model = await Calibrated.fit(inner, pairs(4000))
    assert len(inner.calls) == 5
    result = await rerank(model, "q", ["x" * 20, "x" * 36])
    assert [hit.score for hit in result] == pytest.approx([sigmoid(4.0), 0.5], abs=0.05)
    assert [hit.metadata["raw_score"] for hit in result] == [16.0, 0.0]
    assert (result.score_kind, model.scores_comparable) == ("probability", True)


async def test_a_saved_calibration_gives_the_same_scores(tmp_path):
    inner = Scoring(lambda text: len(text) - 20.0, score_kind="logit")
    for method in ("temperature", "isotonic"):
        model = await Calibrated.fit(inner, pairs(), method=method)
        model.save(tmp_path / "calibration.json")
        again = Calibrated.load(inner, tmp_path / "calibration.json")
        assert again.calibration == model.calibration
        assert again.fingerprint == model.fingerprint
    assert list(tmp_path.iterdir()) == [tmp_path / "calibration.json"]


async def test_threshold_for_a_precision_holds_on_the_fitted_pairs():
    inner = Scoring(lambda text: len(text) - 20.0, score_kind="logit")
    asked = pairs(1000)
    model = await Calibrated.fit(inner, asked)
    threshold = model.threshold_for(precision=0.9)
    kept = [
        pair.relevant
        for pair in asked
        if model.calibration.probability(len(pair.document) - 20.0) >= threshold
    ]
    assert sum(kept) / len(kept) >= 0.9
    assert threshold > model.threshold_for(precision=0.6)


async def test_a_precision_out_of_reach_says_what_is_reached():
    fitted = fit_calibration([1.0, 2.0, 3.0, 4.0], [False, True, False, False][::-1], method="isotonic")
    with pytest.raises(InvalidRequestError, match=r"precision=0\.9; the best is 0\.5"):
        fitted.threshold_for(0.9)


@pytest.mark.parametrize("precision", [0.0, 1.1, -1])
async def test_a_precision_out_of_range_is_refused(precision):
    with pytest.raises(InvalidRequestError, match="precision"):
        fit_calibration([1.0, 2.0], [False, True]).threshold_for(precision)


@pytest.mark.parametrize("model", [Listwise(), Identity()])
async def test_listwise_and_ordinal_models_are_refused(model):
    with pytest.raises(InvalidRequestError, match="cannot be compared"):
        await Calibrated.fit(model, pairs())
    with pytest.raises(InvalidRequestError, match="cannot be compared"):
        Calibrated(model, fit_calibration([1.0, 2.0], [False, True]))


async def test_what_was_not_scored_has_no_probability():
    class Half(Scoring):
        async def do_rerank(self, options):
            return DoRerankResult([ScoredIndex(1, 0.5), *unscored([0])])

    result = await rerank(Calibrated(Half(), fit_calibration([1.0, 2.0], [False, True])), "q", ["a", "b"])
    assert [hit.index for hit in result] == [1, 0]
    assert result[0].metadata == {"raw_score": 0.5}
    assert (result[1].score, result[1].metadata) == (0.0, {"scored": False})


class First(Scoring):
    async def do_rerank(self, options):
        return DoRerankResult(RestUnscored([ScoredIndex(1, 0.5)], len(options.documents)))


@pytest.mark.parametrize(
    "wrapped", [Calibrated(First(), fit_calibration([1.0, 2.0], [False, True])), Diversified(First())]
)
async def test_what_was_not_scored_is_not_looked_at_to_be_passed_on(wrapped):
    results = (await wrapped.do_rerank(DoRerankOptions("q", ("a", "b", "c")))).results
    assert isinstance(results, RestUnscored)
    assert [item.index for item in results] == [1, 0, 2]


async def test_a_calibration_of_another_model_is_refused():
    fitted = (await Calibrated.fit(Scoring(name="one"), pairs())).calibration
    with pytest.raises(InvalidRequestError, match="small:other"):
        Calibrated(Scoring(name="other"), fitted)


async def test_labels_of_one_kind_are_refused():
    with pytest.raises(InvalidRequestError, match="one kind"):
        fit_calibration([1.0, 2.0], [True, True])


async def test_scores_against_the_labels_are_refused():
    with pytest.raises(InvalidRequestError, match="slope"):
        fit_calibration([1.0, 2.0, 3.0, 4.0], [True, True, False, False])


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"format": "other", "method": "temperature"}', "no json"]
)
async def test_a_file_that_holds_no_calibration_is_refused(tmp_path, content):
    (tmp_path / "bad.json").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidRequestError, match=r"bad\.json"):
        Calibration.load(tmp_path / "bad.json")


async def test_the_file_holds_numbers_and_no_texts(tmp_path):
    model = await Calibrated.fit(Scoring(lambda text: len(text) - 20.0), pairs())
    model.save(tmp_path / "calibration.json")
    saved = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))
    assert {"format", "method", "slope", "bias", "points", "curve"} <= set(saved)
    assert "xxx" not in json.dumps(saved)


async def test_different_calibrations_have_different_fingerprints():
    inner = Scoring()
    one = Calibrated(inner, fit_calibration([1.0, 2.0, 3.0, 4.0], [False, True, False, True]))
    other = Calibrated(inner, fit_calibration([1.0, 2.0, 3.0, 4.0], [False, False, True, True]))
    assert one.fingerprint != other.fingerprint
    assert Cached(one).scores_comparable is True
