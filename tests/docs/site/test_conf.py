"""How the site is set."""

from __future__ import annotations

from docs.site import conf


def test_the_two_dashes_of_an_option_stay_two() -> None:
    assert "d" not in conf.smartquotes_action.lower()
