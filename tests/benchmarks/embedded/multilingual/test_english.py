"""A student that goes on and learns the order of another model's vectors."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("safetensors")

import numpy as np
import torch
from tokenizers import Tokenizer

from benchmarks.embedded.multilingual.english import Orders, likenesses
from benchmarks.embedded.multilingual.english_answers import Answers, Paragraph, Question
from benchmarks.embedded.multilingual.english_lists import Asked, Lists, Span, Step, Teacher, spans
from benchmarks.embedded.multilingual.finish import write_folder
from benchmarks.embedded.multilingual.student import Learner
from benchmarks.embedded.multilingual.texts import Passage
from benchmarks.embedded.records.reading import Record
from localrank_transformers.models import bundled

ROWS = [np.array([9, 12, 7, 20], np.int64), np.array([8, 8, 15, 16, 11, 21], np.int64)]


pytestmark = pytest.mark.usefixtures("one_thread")


def begun(cut: Path, *, anchor: float) -> Orders:
    folder = cut.parent / f"{cut.name}-teacher"
    if not folder.exists():
        write_folder(cut, folder, layers=11, prefix="")
    return Orders(
        Learner(folder, cut, rate=3e-2), Tokenizer.from_file(str(cut / "tokenizer.json")), anchor=anchor
    )


NOTHING = Answers((), ())


def step(answers: Answers = NOTHING) -> Step:
    """Three passages, two sentences and two passages in other languages, with vectors of another width drawn."""
    dice = np.random.default_rng(5)
    documents, said, others = (
        ["a b c d e", "f g h i", "j k l m n o"],
        ["p q r", "s t u a"],
        ["b d f", "h j l"],
    )
    queries = [Asked(text, place, 0.4) for place, text in enumerate(["a c", "g", "k o"])]
    headings = [Asked(text, place, 0.25) for place, text in enumerate(["d", "l"])]
    texts = {
        "documents": documents,
        "queries": [one.text for one in queries],
        "sentences": said,
        "others": others,
        "headings": [one.text for one in headings],
    }
    goals = {
        name: [dice.normal(size=(len(text.split()) + 2, 16)).astype(np.float16) for text in own]
        for name, own in texts.items()
    }
    return Step(
        documents,
        queries,
        said,
        [Span(0, [1, 2], [1, 2]), Span(2, [3], [3])],
        others,
        headings,
        goals,
        answers,
    )


def test_a_likeness_is_the_mean_best_cosine_counted_by_length() -> None:
    query = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    documents = [torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 5.0], [1.0, 1.0]])]
    (found,) = likenesses([query], documents)
    assert found.tolist() == pytest.approx([3 / 4, (3 * 0.5**0.5 + 1) / 4])


def test_orders_are_learnt_and_the_lowest_layers_and_words_stay(cut: Path) -> None:
    torch.manual_seed(3)
    found = begun(cut, anchor=0.0)
    student = found.learner.student
    before = {name: value.clone() for name, value in student.state_dict().items()}
    losses = [found.learn(step(), ROWS) for _ in range(12)]
    assert losses[-1].orders < losses[0].orders
    changed = {name for name, value in student.state_dict().items() if not value.equal(before[name])}
    assert changed == {
        name for name in before if name.startswith(tuple(f"encoder.layer.{at}." for at in (2, 3, 4, 5)))
    }


def test_an_anchor_keeps_vectors_of_other_languages_near_those_before(cut: Path) -> None:
    distances = []
    for anchor in (0.0, 30.0):
        torch.manual_seed(3)
        found = begun(cut, anchor=anchor)
        for _ in range(12):
            last = found.learn(step(), ROWS)
        distances.append(last.distance.item())
    assert distances[1] < distances[0] / 2


ANSWERS = Answers(["a b c", "d e f g", "h i", "j k l"], [("m n", 1), ("o a", 3)])


def test_the_sentence_with_the_answer_comes_nearer_its_question(cut: Path) -> None:
    torch.manual_seed(3)
    found = begun(cut, anchor=0.0)

    def margin() -> float:
        """How much nearer the right sentences are than the mean of all."""
        with torch.no_grad():
            texts = [*ANSWERS.sentences, *(text for text, _ in ANSWERS.questions)]
            vectors = found._read(found.learner.student, found._ids(texts))
            near = likenesses(vectors[4:], vectors[:4])
        return float(near[[0, 1], [1, 3]].sum() - near.mean(1).sum())

    before = margin()
    for _ in range(12):
        found.learn(step(ANSWERS), ROWS)
    assert margin() > before


def test_an_anchor_keeps_english_sentences_and_questions_near_those_before(cut: Path) -> None:
    distances = []
    for anchor in (0.0, 30.0):
        torch.manual_seed(3)
        found = begun(cut, anchor=anchor)
        for _ in range(12):
            last = found.learn(step(ANSWERS), ROWS)
        distances.append(last.english.item())
    assert distances[1] < distances[0] / 2


def test_what_people_ask_is_held_and_what_a_page_is_headed_is_not(cut: Path) -> None:
    found, own = begun(cut, anchor=0.0), step()
    found.learn(own, ROWS)
    assert found.losses(own, ROWS).english == 0
    asked = replace(own, queries=[replace(own.queries[0], human=True), *own.queries[1:]])
    assert found.losses(asked, ROWS).english > 0


def test_a_passage_is_not_asked_for_by_its_own_words(cut: Path) -> None:
    """Else its goal would be its own place, whatever the teacher says of the others."""
    torch.manual_seed(3)
    found, own = begun(cut, anchor=0.0), step()
    alone = replace(own, queries=[], sentences=[], spans=[Span(1, [1], [1])])
    other = [vectors.copy() for vectors in own.goals["documents"]]
    other[1] = np.concatenate(
        [other[1], other[1][1:2]]
    )  # the words of the span once more, in their own passage
    bare = replace(alone, goals={**own.goals, "queries": [], "sentences": []})
    again = replace(bare, goals={**bare.goals, "documents": other})
    torch.testing.assert_close(found.losses(again, ROWS).orders, found.losses(bare, ROWS).orders)


def test_spans_are_the_tokens_of_the_same_words() -> None:
    from tokenizers import models, pre_tokenizers, processors

    def of(splitter: pre_tokenizers.PreTokenizer) -> Tokenizer:
        tokenizer = Tokenizer(models.WordLevel({"<s>": 0, "?": 1}, unk_token="?"))
        tokenizer.pre_tokenizer = splitter
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A <s>", special_tokens=[("<s>", 0)]
        )
        return tokenizer

    text = "one two three four five"
    words, letters = of(pre_tokenizers.WhitespaceSplit()), of(pre_tokenizers.Split("", "isolated"))
    for found in spans(4, text, (words, letters), random.Random(1), count=8):
        assert found.document == 4
        inside = [words.encode(text).offsets[at] for at in found.own]
        start, end = inside[0][0], inside[-1][1]
        assert [letters.encode(text).offsets[at] for at in found.theirs] == [
            (at, at + 1) for at in range(start, end)
        ]


TEXTS = [
    f"The {name} is long and has many parts. It was built in {1900 + at} by people. It is of stone and of iron."
    for at, name in enumerate(
        ["river wall", "old bridge", "town tower", "grey harbour", "north road", "mill"]
    )
]


def lists(cut: Path) -> Lists:
    records = [
        Record("docs", "docs:a", f"page {at}", f"What is the {name}?", text, "faq", "CC0")
        for at, text in enumerate(TEXTS)
        for name in [" ".join(text.split()[1:3])]
    ]
    records += [
        Record(name, name, name, f"About {name}", f"{name}: {TEXTS[0]}", "heading", "CC0")
        for name in ("openstax", "medquad")
    ]
    pages = {
        language: [
            Passage(language, f"p/{at}", f"{language} {at}: {TEXTS[at]}", f"{language} heading {at}")
            for at in range(3)
        ]
        for language in ("de", "en")
    }
    return Lists(
        records,
        pages,
        {"Bridges": [Paragraph([TEXTS[0], TEXTS[1]], [Question("Who built the wall?", 0, ("people",))])]},
        teacher=Teacher(Path(bundled.__file__).parent / "localrank_mini"),
        tokenizer=Tokenizer.from_file(str(cut / "tokenizer.json")),
        seed=1,
    )


def test_a_step_is_the_same_again_and_every_text_has_its_goal(cut: Path) -> None:
    first, again = lists(cut).step(3), lists(cut).step(3)
    assert (first.documents, first.queries, first.sentences) == (
        again.documents,
        again.queries,
        again.sentences,
    )
    assert [one.right for one in first.queries] == list(range(len(first.documents)))
    assert not set(first.sentences) & set(first.documents)
    for name, own in first.goals.items():
        assert len(own) == len(getattr(first, name))


def test_a_text_in_another_language_has_the_goal_of_its_english_original(cut: Path) -> None:
    made = lists(cut)
    found = [
        (text, goal)
        for at in range(8)
        for step in [made.step(at)]
        for text, goal in zip(step.others, step.goals["others"], strict=True)
    ]
    teacher = Teacher(Path(bundled.__file__).parent / "localrank_mini")
    german = next(one for one in found if one[0].startswith("de"))
    (wanted,) = teacher([german[0].replace("de", "en", 1)])
    np.testing.assert_array_equal(german[1], wanted)
