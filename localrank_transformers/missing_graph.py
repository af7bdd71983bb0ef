"""The one failure of a load that another graph of the same weights can mend."""

from __future__ import annotations

from localrank.contract.errors import ModelLoadError

__all__ = ["MissingGraphError"]


class MissingGraphError(ModelLoadError):
    """The model has no graph of the precision that was asked for."""
