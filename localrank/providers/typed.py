"""Options that somebody typed, as against those that have their default or come from the environment."""

from __future__ import annotations

from typing import Any

__all__ = ["typed"]


def typed(context: Any, *among: str) -> list[str]:
    """Return the options and arguments of a click context that stand on the command line, as one writes them.

    Args:
        context: Of the command.
        among: Names of parameters that are looked at; none for all.
    """
    written = []
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name)
        if source is not None and source.name == "COMMANDLINE" and (not among or parameter.name in among):
            is_option = parameter.param_type_name == "option"
            written.append(max(parameter.opts, key=len) if is_option else parameter.human_readable_name)
    return written
