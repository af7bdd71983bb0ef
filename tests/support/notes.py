"""A small collection for pipelines: texts in which the asked-for one is not the one that shares most words."""

from __future__ import annotations

QUERY = "How long do I hold the button to reset the router?"
ANSWER = "To reset it, press the button at the back of the router for ten seconds."
TEXTS = (
    "The router stands in the hall, and the button of the lamp is beside the router.",
    "How long do I wait for the bus? The bus comes every ten minutes.",
    ANSWER,
    "Invoices go out on the first working day of the month.",
    "Hold the door for the visitors, and reset the alarm when you leave.",
    "Pandas eat bamboo, almost entirely.",
)
