"""What is asked of the documents, in three forms, and how each is written on either wire. Pure.

No question holds a text of the caller's documents: it names a document by its place in the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from localrank.contract.errors import InvalidRequestError
from localrank.contract.types import ScoreKind

__all__ = ["BEST", "LEVELS", "NONE", "Form", "FormName", "document_id", "form_named"]

FormName = Literal["yes_no", "rubric", "choice"]

BEST, NONE = "best", "none"
"""The one question of a choice, and its option for none of the documents."""

LEVELS = (
    ("not", "Not at all: it is about something else."),
    ("barely", "Barely: it is on the topic, but does not help."),
    ("partly", "Partly: it holds a part of what is asked for."),
    ("fully", "Fully: it holds all that is asked for."),
)
"""The rubric, from 0 to 3: a label and what it means."""

_NO_DOCUMENT = "None of the documents."


def document_id(index: int) -> str:
    """Return the name of the document at `index` in the state; it never comes from the caller."""
    return f"d{index}"


@dataclass(frozen=True, slots=True)
class Form:
    """One form of asking.

    Attributes:
        name: As the caller chooses it.
        default: What is asked without an instruction; `{id}` is the document.
        custom: What is asked with one; `{id}` is the document and `{instruction}` the caller's words.
        systemone: The type of a question on TypeSafe's wire.
        decisions: The type of a question on OpenAI's wire.
        score_kind: What a score is.
    """

    name: FormName
    default: str
    custom: str
    systemone: str
    decisions: str
    score_kind: ScoreKind = "probability"

    @property
    def is_choice(self) -> bool:
        """Whether all documents share one question."""
        return self.name == "choice"

    def wording(self, instruction: str | None) -> Callable[[str], str]:
        """Return a function that writes the question about the document of an id."""
        template = self.default if instruction is None else self.custom
        # not str.format on the whole: braces in an instruction are the caller's own
        return lambda name: template.replace("{id}", name).replace("{instruction}", instruction or "")

    def named_questions(self, count: int, instruction: str | None) -> dict[str, dict[str, Any]]:
        """Return the questions of TypeSafe's wire about `count` documents, by name."""
        words = self.wording(instruction)
        ids = [document_id(index) for index in range(count)]
        if self.is_choice:
            criteria: dict[str, str | None] = {**dict.fromkeys(ids), NONE: _NO_DOCUMENT}
            return {BEST: {"type": self.systemone, "instructions": words(""), "criteria": criteria}}
        further = {"criteria": [meaning for _, meaning in LEVELS]} if self.name == "rubric" else {}
        return {name: {"type": self.systemone, "instructions": words(name), **further} for name in ids}

    def listed_questions(self, count: int, instruction: str | None) -> list[dict[str, Any]]:
        """Return the questions of OpenAI's wire about `count` documents, in their order."""
        words = self.wording(instruction)
        ids = [document_id(index) for index in range(count)]
        if self.is_choice:
            choices = [*({"value": name} for name in ids), {"value": NONE, "description": _NO_DOCUMENT}]
            return [{"type": self.decisions, "name": BEST, "instructions": words(""), "choices": choices}]
        levels = [{"label": label, "description": meaning} for label, meaning in LEVELS]
        further = {"levels": levels} if self.name == "rubric" else {}
        return [
            {"type": self.decisions, "name": name, "instructions": words(name), **further} for name in ids
        ]


_FORMS: Mapping[FormName, Form] = {
    "yes_no": Form(
        "yes_no",
        "Document {id} answers the query, or holds information that is needed to answer it.",
        "Document {id}: {instruction}",
        systemone="noul",
        decisions="predicate",
    ),
    "rubric": Form(
        "rubric",
        "How well does document {id} answer the query?",
        "How far does this hold for document {id}: {instruction}",
        systemone="score",
        decisions="score",
    ),
    "choice": Form(
        "choice",
        "Which document answers the query best?",
        "{instruction}",
        systemone="choice",
        decisions="choice",
        score_kind="ordinal",
    ),
}


def form_named(name: str) -> Form:
    """Return the form called `name`.

    Raises:
        InvalidRequestError: There is none.
    """
    names: Sequence[str] = get_args(FormName)
    if name not in names:
        raise InvalidRequestError(f"form is {name!r}.", hint=f"Pass one of {', '.join(map(repr, names))}.")
    return next(form for form in _FORMS.values() if form.name == name)
