"""Whether a text is in a language that a model reads: clear cases are said, doubtful ones are not."""

from __future__ import annotations

import pytest

from localrank.providers.languages import READ_CHARACTERS, foreign_words, unread, unread_documents

ENGLISH = frozenset({"en"})


@pytest.mark.parametrize(
    ("text", "name", "language"),
    [
        ("Wie viele Punkte gab die Verteidigung der Panthers ab?", "German", "de"),
        ("¿Cuántos puntos dejó escapar la defensa de los Panthers?", "Spanish", "es"),
        ("Combien de points la défense a-t-elle concédés ?", "French", "fr"),
        ("Panthers savunması kaç sayı bıraktı?", "Turkish", "tr"),
        ("Đội tuyển đã để thủng lưới bao nhiêu điểm?", "Vietnamese", "vi"),
        ("Πόσους πόντους δέχτηκε η άμυνα;", "Greek script", "el"),
        ("Сколько очков пропустила защита?", "Cyrillic script", "ru"),
        ("كم عدد النقاط التي تخلى عنها الدفاع؟", "Arabic script", "ar"),
        ("रक्षा ने कितने अंक दिए?", "Devanagari script", "hi"),
        ("ฝ่ายป้องกันเสียไปกี่แต้ม", "Thai script", "th"),
        ("黑豹队的防守丢了多少分？", "Han script", "zh"),
        ("茶", "Han script", "zh"),
        ("パンサーズの守備は何点を許した？", "Japanese", "ja"),
        ("수비는 몇 점을 내주었나?", "Korean", "ko"),
    ],
)
def test_a_question_in_another_language_is_told_to_a_model_of_english(
    text: str, name: str, language: str
) -> None:
    writing = unread(text, ENGLISH)
    assert writing is not None
    assert writing.name == name
    assert language in writing.languages


@pytest.mark.parametrize(
    "text",
    [
        "",
        "how many points did the defense give up",
        "heat transfer in hypersonic flow",
        "die casting in der Grinten",
        "São Paulo",
        "Museum of La Plata, Santiago de Compostela",
        "Ångström and Schrödinger on the α-helix",
        "α β γ = Δ + λ·π",
        "E = mc², ∇·E = ρ/ε₀",
        "def die(de, la): return de[la] or es.que",
        "https://es.example.org/la/de-los/como.html?que=el",
        "0412 555 17 / 3.1415",
        "🎉🚀 👍🏽",
        "SELECT la, el FROM de WHERE id = 3",
    ],
)
def test_english_names_code_formulas_and_numbers_say_nothing(text: str) -> None:
    assert unread(text, ENGLISH) is None


def test_a_model_reads_the_languages_it_names_and_no_other() -> None:
    question = "Wie viele Punkte gab die Verteidigung der Panthers ab?"
    assert unread(question, frozenset({"en", "de"})) is None
    assert unread(question, frozenset({"es", "zh"})) is not None


def test_a_script_is_read_by_a_model_of_any_of_its_languages() -> None:
    assert unread("Сколько очков пропустила защита?", frozenset({"uk"})) is None


def test_english_is_unread_by_a_model_of_another_language() -> None:
    writing = unread("What is the name of the team that won?", frozenset({"de"}))
    assert writing is not None
    assert writing.languages == ("en",)


def test_a_foreign_name_in_an_english_question_says_nothing() -> None:
    assert unread("who was Владимир in the history of the church and the state", ENGLISH) is None


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    assert (
        unread(
            "the way of the world " * READ_CHARACTERS + "Сколько очков пропустила защита?" * 9_999, ENGLISH
        )
        is None
    )


def test_documents_are_told_where_most_are_in_another_language() -> None:
    foreign, english = "Сколько очков пропустила защита?", "The defense gave up few points."
    writing = unread_documents([foreign] * 40 + [english] * 10, ENGLISH)
    assert writing is not None
    assert writing.name == "Cyrillic script"
    assert unread_documents([foreign] * 10 + [english] * 40, ENGLISH) is None
    assert unread_documents([foreign, english], ENGLISH) is None
    assert unread_documents([foreign], ENGLISH) is not None
    assert unread_documents([], ENGLISH) is None


def test_words_that_a_language_shares_are_foreign_to_none_that_has_them() -> None:
    assert {"und", "ist"} <= foreign_words(ENGLISH)
    assert not {"in", "the", "war"} & foreign_words(ENGLISH)
    assert not {"und", "the"} & foreign_words(frozenset({"en", "de"}))
