"""Wrappers from strings and from TOML tables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localrank import (
    Batched,
    Cached,
    Calibrated,
    Cascade,
    Chunked,
    Diversified,
    Fallback,
    Fused,
    Identity,
    InvalidRequestError,
    Limited,
    Retrieved,
    SQLiteStore,
    UnknownModelError,
    When,
    register_provider,
    rerank,
    resolve,
)
from localrank.compose.single.calibration import Calibration, fit_calibration
from localrank.compose.tables import from_table, from_toml
from tests.support.small_models import Scoring


@pytest.fixture(autouse=True)
def small():
    register_provider("small", lambda name: Scoring(name=name))


def ids(model) -> list[str]:
    return [inner.model_id for inner in model.models]


def test_a_cascade_has_its_keep_between_the_models():
    model = resolve("cascade:(small:a>20>small:b>5>small:c)")
    assert isinstance(model, Cascade)
    assert (ids(model), model.keep) == (["a", "b", "c"], (20, 5))


@pytest.mark.parametrize(
    ("text", "keep"), [("cascade:(small:a>small:b)", (20,)), ("cascade:(small:a > small:b, keep=7)", (7,))]
)
def test_keep_may_be_left_out_or_named(text, keep):
    assert resolve(text).keep == keep


def test_a_fallback_ends_with_identity():
    model = resolve("fallback:(small:a|small:b|identity,stage_timeout=0.5)")
    assert isinstance(model, Fallback)
    assert isinstance(model.models[2], Identity)
    assert model.stage_timeout == 0.5


def test_a_fusion_has_weights_behind_asterisks():
    model = resolve("fused:(small:a*0.7+retrieved*0.3,method=weighted,normalize=z)")
    assert isinstance(model, Fused)
    assert (model.weights, model.method, model.normalize) == ((0.7, 0.3), "weighted", "z")
    assert isinstance(model.models[1], Retrieved)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("cached:(small:a,max_entries=5)", Cached),
        ("chunked:(small:a,chunk_tokens=64,overlap=8,pool=mean)", Chunked),
        ("limited:(small:a,rate=2.5,concurrency=3)", Limited),
        ("batched:(small:a,max_documents=10)", Batched),
        ("diversified:(small:a,lambda_=0.5)", Diversified),
        ("when:(small:a,min_documents=5,margin=0.2)", When),
    ],
)
def test_wrappers_of_one_model(text, kind):
    assert isinstance(resolve(text), kind)


def test_a_cache_with_a_path_is_on_disk(tmp_path):
    model = resolve(f"cached:(small:a,path={tmp_path / 'scores.sqlite'})")
    assert isinstance(model.store, SQLiteStore)


def test_a_calibration_is_loaded_from_its_path(tmp_path):
    fit_calibration([0.1, 0.9, 0.2, 0.8], [False, True, True, False]).save(tmp_path / "c.json")
    assert isinstance(resolve(f"calibrated:(small:a,path={tmp_path / 'c.json'})"), Calibrated)


def test_strings_nest():
    model = resolve("cascade:(cached:(small:a)>9>fallback:(chunked:(small:b,pool=mean)|identity))")
    assert model.model_id == "(cached:(small:a)>9>fallback:(chunked:(small:b)|identity:callers-order))"


def test_the_name_of_a_cascade_means_itself():
    name = "cascade:(small:a>9>fallback:(small:b|identity:callers-order))"
    model = resolve(name)
    assert f"{model.provider}:{model.model_id}" == name


@pytest.mark.parametrize(
    "text",
    [
        "cascade:small:a>small:b",
        "cascade:(small:a>20>small:b",
        "cascade:(small:a)>20>(small:b)",
        "cascade:(small:a>>small:b)",
        "cascade:(small:a>20>small:b>small:c)",
        "cascade:(small:a>20>small:b,keep=3)",
        "cascade:(small:a>20>)",
        "fused:(small:a*x+small:b*1)",
        "fused:(small:a*1+small:b)",
        "cached:(small:a,path)",
        "cached:()",
    ],
)
def test_what_cannot_be_read_is_refused_with_an_example(text):
    with pytest.raises(InvalidRequestError, match="Write it as"):
        resolve(text)


@pytest.mark.parametrize("times", [65, 5_000])
def test_a_string_that_nests_too_deep_says_so(times):
    with pytest.raises(InvalidRequestError, match=r"more than 64.+inside one another"):
        resolve("cached:(" * times + "small:a" + ")" * times)


@pytest.mark.parametrize("kind", ["", 'kind = "limited"\nrate = 1.0\n'])
def test_a_file_that_names_itself_is_refused(tmp_path, kind):
    path = tmp_path / "own.toml"
    path.write_text(f'{kind}model = "toml:{path}"\n', encoding="utf-8")
    with pytest.raises(InvalidRequestError, match=r"own\.toml names itself as a model"):
        resolve(f"toml:{path}")


@pytest.mark.parametrize("times", [65, 5_000])
def test_a_table_that_nests_too_deep_says_so(times):
    table = {"model": "small:a"}
    for _ in range(times):
        table = {"kind": "limited", "rate": 1.0, "models": [table]}
    with pytest.raises(InvalidRequestError, match=r"more than 64.+inside one another"):
        from_table(table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "cached:(small:a,path=a.sqlite,max_entries=5)",
            "max_entries is 5, which does not bound a cache on disk",
        ),
        ("cached:(small:a,max_bytes=5)", "max_bytes is 5, which does not bound a cache in memory"),
        ("cached:(small:a,colour=red)", "cached has no option 'colour'"),
        ("cascade:(small:a)", "cascade has 1 models"),
        ("limited:(small:a,rate=fast)", "rate is of type str"),
        ("calibrated:(small:a)", "no path"),
    ],
)
def test_options_that_do_not_fit_are_named(text, message):
    with pytest.raises(InvalidRequestError, match=message):
        resolve(text)


def test_an_unknown_inner_provider_is_named():
    with pytest.raises(UnknownModelError, match="smal"):
        resolve("fallback:(smal:a|identity)")


TABLE = """
[tool.localrank.model]
kind = "cascade"
keep = 9
models = [
  {kind = "fused", method = "rrf", weights = [2, 1], models = ["small:a", "retrieved"]},
  {kind = "cached", model = "small:b", max_entries = 10},
]
"""


def test_a_toml_table_nests(tmp_path):
    path = tmp_path / "rerank.toml"
    path.write_text(TABLE, encoding="utf-8")
    model = from_toml(path, table="tool.localrank.model")
    assert isinstance(model, Cascade)
    assert model.models[0].weights == (2.0, 1.0)
    assert isinstance(model.models[1], Cached)
    assert isinstance(resolve(f"toml:{path}#tool.localrank.model"), Cascade)


def test_a_whole_file_is_a_table_too(tmp_path):
    path = tmp_path / "rerank.toml"
    path.write_text('model = "small:a"', encoding="utf-8")
    assert resolve(f"toml:{path}").model_id == "a"


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"kind": "cascade"},
        {"kind": 3, "model": "small:a"},
        {"models": "small:a"},
        {"model": 3},
        {"model": "small:a", "keep": 3},
    ],
)
def test_tables_that_describe_nothing_are_refused(table):
    with pytest.raises(InvalidRequestError):
        from_table(table)


def test_an_unknown_kind_offers_near_ones():
    with pytest.raises(UnknownModelError, match="cascade"):
        from_table({"kind": "cascad", "models": ["small:a", "small:b"]})


@pytest.mark.parametrize(
    ("content", "table"), [("not = toml = at all", ""), ("a = 1", "#b"), ("a = 1", "#a")]
)
def test_a_file_without_the_table_is_refused(tmp_path, content, table):
    path = tmp_path / "rerank.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidRequestError, match=r"rerank\.toml"):
        resolve(f"toml:{path}{table}")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidRequestError, match="FileNotFoundError"):
        from_toml(tmp_path / "absent.toml")


@pytest.mark.anyio
async def test_a_string_ranks():
    result = await rerank("cascade:(small:x>2>small:y)", "q", ["a", "ccc", "bb"])
    assert [hit.index for hit in result] == [1, 2, 0]


NEST = "cached:(" * 3_000 + "small:a" + ")" * 3_000


@pytest.mark.parametrize(
    ("text", "said"),
    [(NEST, "inside one another"), (f"cascade:(small:a>{'9' * 5_000}>small:b)", "cannot be read")],
)
def test_nests_and_numbers_without_bounds_are_refused_in_one_line(text, said):
    with pytest.raises(InvalidRequestError, match=said) as caught:
        resolve(text)
    assert len(str(caught.value)) < 300


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a system without devices as files")
@pytest.mark.parametrize("read", [from_toml, Calibration.load])
def test_a_device_or_a_pipe_is_no_settings_file(read, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in ("/dev/zero", pipe):
        with pytest.raises(InvalidRequestError):
            read(path)


@pytest.mark.parametrize("read", [from_toml, Calibration.load])
@pytest.mark.parametrize("content", [b"a = " + b"[" * 100_000, b"[" * 100_000, b"\xff"])
def test_a_damaged_settings_file_is_one_error(read, content, tmp_path):
    path = tmp_path / "settings"
    path.write_bytes(content)
    with pytest.raises(InvalidRequestError):
        read(path)
