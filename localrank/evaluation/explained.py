"""What the columns of a report mean, in a sentence each."""

from __future__ import annotations

import re

__all__ = ["COMPARISON", "COST", "measure_meaning"]

_MEASURES = {
    "nDCG": "how much of the best possible order is reached{among}: a document counts by its grade, less the lower it stands",
    "RR": "1 / the rank of the first relevant document{among}; 0 where there is none",
    "AP": "the mean of the precision at each relevant document{among}",
    "P": "the share of relevant documents{among}",
    "R": "the share of all relevant documents that stand{among}",
    "Success": "1 where a relevant document stands{among}, else 0",
    "RBP": "what a reader gains who goes on to the next document with a fixed probability{among}",
    "ERR": "1 / the rank at which a reader is content{among}, by grades",
    "Judged": "the share of documents that were judged at all{among}",
}
_NAME = re.compile(r"(?P<family>\w+?)(?:\(.*\))?(?:@(?P<cutoff>\d+))?")

COST = {
    "pairs/s": "pairs of query and document ranked in a second; higher is better",
    "ms median": "milliseconds of a query, the middle one; lower is better",
    "ms p95": "milliseconds that 95 of 100 queries do not exceed",
    "tokens": "what the model read; – where it does not say",
    "cost": "at the list price of a service; – for models on this machine",
}
"""Columns of the table of time and cost."""

COMPARISON = {
    "difference": "mean of the second minus mean of the first",
    "95 % interval": "of the difference, by bootstrap over the queries",
    "p (Holm)": "how likely so great a difference is by chance, corrected for the number of comparisons",
    "better / worse": "queries on which the second is better, and worse",
    "p": "the same without the correction",
}
"""Columns of the table of differences."""


def measure_meaning(measure: str) -> str:
    """Return what a measure of ir-measures says of a ranking, from 0 to 1 where it is one of the common ones."""
    name = _NAME.fullmatch(measure)
    if name is None or name["family"] not in _MEASURES:
        return "as ir-measures defines it (https://ir-measur.es)"
    cutoff = name["cutoff"]
    among = (
        f" among the first {cutoff}" if cutoff and cutoff != "1" else " in the first place" if cutoff else ""
    )
    if not cutoff and name["family"] in {"P", "R", "Success"}:
        among = " in the whole ranking"
    return f"{_MEASURES[name['family']].format(among=among)}; 1 is best"
