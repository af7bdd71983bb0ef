"""A conversation as the text that a chat model was trained on, by the template in its repository."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from localrank.contract.errors import ModelLoadError

__all__ = ["ChatFormat", "Message"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn; `role` is `system`, `user` or `assistant`."""

    role: str
    content: str


class _RefusedError(Exception):
    """The template refused a conversation."""


class ChatFormat:
    """Renders conversations, an answer's beginning included.

    A template can compute, so it runs in jinja2's sandbox, as in transformers. One that takes no system message gets it at the
    beginning of the user's first.

    Args:
        template: The model's chat template; None for a model without one, which is asked as Vicuna 1.1 is.
        bos: The tokenizer's start token.
        eos: Its end token.

    Raises:
        ModelLoadError: The template is no valid one.
    """

    def __init__(self, template: str | None, *, bos: str, eos: str) -> None:
        self._bos, self._eos = bos, eos
        self._template = None if template is None else _compiled(template)

    def render(self, messages: Sequence[Message]) -> str:
        """Return the text up to where the model answers.

        Raises:
            ModelLoadError: The template takes no such conversation.
        """
        if self._template is None:
            return _vicuna(messages, self._bos, self._eos)
        try:
            return self._rendered(messages)
        except Exception as error:
            folded = _without_system(messages)
            if folded == list(messages):
                raise _unusable(error) from error
        try:
            return self._rendered(folded)
        except Exception as error:
            raise _unusable(error) from error

    def _rendered(self, messages: Sequence[Message]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        text: str = self._template.render(  # type: ignore[union-attr]
            messages=turns, add_generation_prompt=True, bos_token=self._bos, eos_token=self._eos
        )
        return text


def _compiled(template: str) -> Any:
    import jinja2  # noqa: PLC0415  # it comes with torch, and only chat models need it
    import jinja2.ext  # noqa: PLC0415
    import jinja2.sandbox  # noqa: PLC0415

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = lambda value, **options: json.dumps(value, ensure_ascii=False, **options)
    environment.globals["raise_exception"] = _refuse
    try:
        return environment.from_string(template)
    except jinja2.TemplateError as error:
        raise ModelLoadError(f"The chat template is no valid one: {str(error)[:200]}") from error


def _refuse(message: str) -> NoReturn:
    raise _RefusedError(message)


def _unusable(error: Exception) -> ModelLoadError:
    return ModelLoadError(
        f"The model's chat template cannot be used: {str(error)[:200]}",
        hint="Put a template for plain conversations into chat_template.jinja.",
    )


def _without_system(messages: Sequence[Message]) -> list[Message]:
    if len(messages) < 2 or messages[0].role != "system":
        return list(messages)
    system, first, *rest = messages
    return [Message(first.role, f"{system.content}\n\n{first.content}"), *rest]


def _vicuna(messages: Sequence[Message], bos: str, eos: str) -> str:
    """See "vicuna_v1.1" in FastChat's conversation.py."""
    text = bos
    for one in messages:
        match one.role:
            case "system":
                text += one.content
            case "user":
                text += f" USER: {one.content}"
            case _:
                text += f" ASSISTANT: {one.content}{eos}"
    return f"{text} ASSISTANT:"
