from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from localrank import rerank_sync
from localrank.cli.main import main
from localrank.providers.columns import width_of
from localrank_transformers import OnnxReranker
from localrank_transformers.models import bundled
from tests.support import exported_graphs, tiny_encoders, tiny_models
from tests.support.shell import in_terminal, localrank, models, plain

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def names(out: str) -> list[str]:
    return [json.loads(line)["name"] for line in out.splitlines()]


def test_the_list_starts_with_the_embedded_model(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = models(capsys, "list")

    assert code == 0
    assert out.splitlines()[0].split()[0] == "NAME"
    assert out.splitlines()[1].split()[:3] == ["localrank-mini", "24", "MB"]


def test_no_command_means_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert models(capsys) == models(capsys, "list")


def test_filters_narrow_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = models(capsys, "list", "--language", "de", "--max-size", "600MB", "--commercial", "--json")

    assert "mmarco-mini" in names(out)
    assert not {"mini", "jina-v2", "qwen3-8b"} & set(names(out))


def test_the_filters_need_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    wishes = [
        "--language",
        "de",
        "--max-size",
        "600MB",
        "--commercial",
        "--family",
        "cross-encoder",
        "--json",
    ]

    assert "mmarco-mini" in names(models(capsys, *wishes)[1])
    assert models(capsys, *wishes) == models(capsys, "list", *wishes)
    assert names(models(capsys, "--sort", "size", "--json")[1])[0] == "localrank-tiny"


def test_a_filter_before_another_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = models(capsys, "--commercial", "show", "mini")

    assert (code, out) == (2, "")
    assert "go behind `show`" in err


@pytest.mark.parametrize("beside", [("--language", "de"), ("--sort", "name"), ("list",), ("show", "mini")])
def test_prices_are_not_chosen_among(capsys: pytest.CaptureFixture[str], beside: tuple[str, ...]) -> None:
    code, out, err = models(capsys, "--remote", *beside)
    assert (code, out) == (2, "")
    assert "leave out all but --json" in err


def test_show_says_what_scores_were_compared_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert "with the reference implementation" in models(capsys, "show", "mini")[1]
    assert "with the published formulas" in models(capsys, "show", "jina-v1-turbo")[1]
    assert "not yet compared" in models(capsys, "show", "jina-v3")[1]


def test_a_long_fact_is_wrapped_beside_its_name_in_a_terminal() -> None:
    _, shown = in_terminal([sys.executable, "-m", "localrank", "models", "show", "ettin-32m"], columns=60)
    lines = plain(shown).splitlines()

    (notes,) = (at for at, line in enumerate(lines) if line.startswith("notes "))
    assert max(map(width_of, lines)) <= 60
    assert lines[notes + 1][:17].isspace()
    assert lines[notes + 1][17].isalpha()


def test_a_model_of_our_own_is_its_own_reference(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = models(capsys, "show", "localrank-mini")

    assert "not yet compared" not in out
    assert "a model of our own: `localrank doctor` compares its bits with the recorded ones" in out


def test_show_tells_the_commit_that_was_recorded(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--cross-encoder--ms-marco-MiniLM-L6-v2/snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot.parents[1] / "localrank.json").write_text(json.dumps({"commit": COMMIT, "files": {}}))
    lines = localrank("models", "show", "mini", HF_HUB_CACHE=str(tmp_path)).out.splitlines()

    assert [line.split()[1] for line in lines if line.startswith("commit")] == [COMMIT]


def test_the_list_is_sorted_by_quality(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = models(capsys, "list", "--family", "cross-encoder", "--sort", "quality", "--json")

    assert names(out)[:2] == ["ettin-1b", "ettin-400m"]


def test_no_match_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert models(capsys, "list", "--max-size", "1k") == (
        0,
        "",
        "localrank: no known model meets all of this.\n",
    )


def test_a_bad_size_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = models(capsys, "list", "--max-size", "huge")

    assert (code, out) == (2, "")
    assert "The size is 'huge'" in err


def test_show_tells_the_licence_the_window_and_why_an_engine_cannot(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = models(capsys, "show", "jinaai/jina-reranker-v2-base-multilingual")

    assert code == 0
    assert "CC-BY-NC-4.0 (non-commercial)" in out
    assert "at most 1,024 tokens" in out
    assert "not torch" in out
    assert "breaks on transformers 5" in out


def test_show_refuses_a_folder_without_a_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = models(capsys, "show", str(tmp_path))
    assert (code, out) == (4, "")
    assert "has no config.json" in err


@pytest.mark.parametrize("name", ["localrank-mini", "cross-encoder/ms-marco-MiniLM-L6-v2"])
def test_a_model_where_a_command_stands_is_told_the_command(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", name]) == 2

    assert f"`localrank models show {name}` shows that model" in capsys.readouterr().err


def test_show_gives_all_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = models(capsys, "show", "mini", "--json")
    shown = json.loads(out)

    assert shown["hub_id"] == "cross-encoder/ms-marco-MiniLM-L6-v2"
    assert shown["onnx_files"]["fp32"] == "onnx/model.onnx"
    assert shown["quality"][0]["benchmark"] == "TREC DL 2019"


def test_an_unknown_model_offers_near_names(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = models(capsys, "show", "bge-bas")

    assert code == 4
    assert "There is no model 'bge-bas'. Did you mean 'bge-base'" in err


def test_path_prints_where_the_embedded_model_lies(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = models(capsys, "path", "localrank-mini")

    assert code == 0
    assert Path(out.strip()) == Path(bundled.__file__).parent / "localrank_mini"


def test_path_finds_a_model_in_the_hub_cache_and_says_when_it_is_not_there(tmp_path: Path) -> None:
    absent = localrank("models", "path", "mini", HF_HUB_CACHE=str(tmp_path))
    repository = tmp_path / "models--cross-encoder--ms-marco-MiniLM-L6-v2"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    found = localrank("models", "path", "mini", HF_HUB_CACHE=str(tmp_path))
    by_id = localrank("models", "path", "someone/else", HF_HUB_CACHE=str(tmp_path))

    assert absent.code == 4
    assert "are not on this machine" in absent.err
    assert (found.code, found.out) == (0, f"{snapshot}\n")
    assert by_id.code == 4
    assert "someone/else are not on this machine" in by_id.err


def test_a_table_in_a_pipe_is_not_cut() -> None:
    out = localrank("models", "list").out

    assert max(map(len, out.splitlines())) > 100
    assert "CC-BY-NC-4.0 (non-commercial)" in out


def test_the_embedded_model_carries_its_agreement(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = models(capsys, "show", "localrank-mini")
    line = next(line for line in out.splitlines() if line.startswith("int8 agrees"))
    assert all(
        word in line for word in ("Spearman", "same first", "best five", "best ten", "at most", "pairs in")
    )
    place = Path(bundled.__file__).parent / "localrank_mini/onnx/model_int8.json"
    record = json.loads(place.read_text())
    assert bundled.SHA256["localrank-mini"]["onnx/model_int8.onnx"] == record["sha256"]


def test_a_folder_is_shown_with_the_figures_of_what_was_made_of_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    exported_graphs.write(folder)
    assert "agrees" not in models(capsys, "show", str(folder))[1]
    with OnnxReranker(folder, precision="refined") as reranker:
        rerank_sync(reranker, "what", ["the", "rag"], top_k=1)
    code, out, _ = models(capsys, "show", str(folder))
    assert code == 0
    assert [line[:11] for line in out.splitlines() if "agrees" in line] == ["fp32 agrees", "int8 agrees"]
    _, out, _ = models(capsys, "show", str(folder), "--json")
    graphs = json.loads(out)["graphs"]
    assert [graph["record"]["precision"] for graph in graphs] == ["fp32", "int8"]
    assert graphs[0]["record"]["agreement"]["max_change"] < 1e-5


def test_a_folder_that_cannot_be_optimized_says_why(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = {"num_hidden_layers": 1, "type_vocab_size": 2}
    folder = tiny_models.build(tmp_path / "m", config=settings)
    with OnnxReranker(folder) as reranker:
        rerank_sync(reranker, "what", ["the", "rag"])
    assert "not optimized" in models(capsys, "show", str(folder))[1]


def test_the_steps_of_making_a_graph_are_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "electra")
    exported_graphs.write(folder)
    (tmp_path / "notes.txt").write_text("the\nrag\n")
    assert main(["rerank", "what", str(tmp_path / "notes.txt"), "--model", str(folder)]) == 0
    assert "localrank: model.onnx, once: float32 graph" in capsys.readouterr().err


@pytest.mark.parametrize("language", ["de", "DE", "german", "de-AT", "German "])
def test_a_language_is_named_or_given_by_its_code(capsys: pytest.CaptureFixture[str], language: str) -> None:
    _, out, _ = models(capsys, "list", "--language", language, "--json")

    assert {"mmarco-mini", "bge-v2-m3"} <= set(names(out))
    assert "mini" not in names(out)


@pytest.mark.parametrize(
    ("language", "said"),
    [("germn", "Did you mean German"), ("xx", "'xx' is no language. Write its"), ("", "''")],
)
def test_what_is_no_language_is_refused(capsys: pytest.CaptureFixture[str], language: str, said: str) -> None:
    code, out, err = models(capsys, "list", "--language", language)

    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("columns", "missing"),
    [(60, "WEIGHTS, TOKENS, LICENCE, ENGINES, FAMILY"), (80, "ENGINES, FAMILY"), (140, "")],
)
def test_the_table_fits_its_terminal_and_says_what_is_missing(columns: int, missing: str) -> None:
    code, shown = in_terminal([sys.executable, "-m", "localrank", "models"], columns=columns)
    table, _, note = plain(shown).partition("No room here for ")

    assert code == 0
    assert max(map(width_of, table.splitlines())) <= columns
    assert missing in note.replace("\n", "")
    assert table.splitlines()[1].startswith("localrank-mini ")
