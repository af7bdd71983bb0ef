"""Queries and passages of many kinds: what a new graph is compared on, and calibrated by where a user gives no text."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Candidates", "long_candidates", "sample_candidates"]


@dataclass(frozen=True, slots=True)
class Candidates:
    """A query and texts that a retriever found for it."""

    query: str
    documents: tuple[str, ...]


_CALIBRATION = (
    (
        "how do plants make sugar from light",
        "Green leaves take in light with chlorophyll. The energy splits water, frees oxygen, and in a second step binds carbon "
        "dioxide into sugar that the plant stores as starch or burns at night.",
        "A houseplant near a north window grows slowly; turn the pot every week.",
    ),
    (
        "What was agreed at the Congress of Vienna in 1815?",
        "Between September 1814 and June 1815 the powers that had beaten Napoleon redrew the map of Europe: the Netherlands "
        "were joined, Poland was divided again, a German Confederation of 39 states was founded, and Switzerland was neutral.",
        "Vienna has 23 districts, a famous opera house and about two million inhabitants.",
    ),
    (
        "python read csv file without header",
        "Pass header=None to pandas.read_csv and the columns are numbered from 0; names=['a', 'b'] labels them. With the csv "
        "module, csv.reader(open(path, newline='')) yields every row as a list of strings.",
        "TypeError: 'NoneType' object is not subscriptable — the function returned nothing, because one branch lacks a return.",
    ),
    (
        "side effects of ibuprofen",
        "Common reactions are heartburn, nausea and dizziness. Taken for long or in high doses it can harm the stomach lining "
        "and the kidneys and raise blood pressure; people with ulcers should ask a doctor first.",
        "The pharmacy is open from 8:00 to 18:30 and closed on Sundays.",
    ),
    (
        "Wie lange ist ein gekochtes Ei haltbar?",
        "Hart gekochte Eier mit unverletzter Schale halten sich im Kühlschrank etwa zwei bis vier Wochen, abgeschreckte "
        "kürzer, weil Keime durch feine Risse eindringen.",
        "Für den Teig 250 g Mehl, zwei Eier, eine Prise Salz und 500 ml Milch verrühren und eine halbe Stunde quellen lassen.",
    ),
    (
        "refund policy for cancelled flights",
        "If the airline cancels, you may choose between a refund of the full fare within seven days and another flight. "
        "Vouchers are voluntary. Tickets booked through an agency are refunded by the agency.",
        "Check-in closes 45 minutes before departure. Cabin bags may weigh 8 kg.",
    ),
    (
        "why is the sky blue",
        "Molecules of air scatter short waves far more than long ones, as the fourth power of frequency. Blue light therefore "
        "reaches the eye from all directions, and at sunset, after a longer way, what is left is red.",
        "Paint the ceiling first, then the walls, with a roller for the large areas.",
    ),
    (
        "error 0x80070005 access denied windows update",
        "0x80070005 means that the update service may not write to a folder. Start the troubleshooter, then run DISM /Online "
        "/Cleanup-Image /RestoreHealth as administrator and check the rights on C:\\Windows\\SoftwareDistribution.",
        "Windows of old houses lose heat; a second pane of glass halves the loss.",
    ),
)

_COMPARISON = (
    (
        "who invented the printing press",
        "Johannes Gutenberg of Mainz combined movable metal type, an oil-based ink and a screw press around 1450. Movable type "
        "of clay had been known in China since the eleventh century.",
        "Press the button for three seconds until the lamp blinks; the printer then looks for a network.",
    ),
    (
        "Which vaccines are recommended before travelling to Kenya?",
        "Travellers should have yellow fever, hepatitis A and typhoid vaccinations; rabies for long stays. Malaria tablets are "
        "advised for most regions below 2,500 metres.",
        "Kenya's largest cities are Nairobi and Mombasa. Swahili and English are official languages.",
    ),
    (
        "git undo last commit keep changes",
        "git reset --soft HEAD~1 removes the newest commit and leaves its changes staged; without --soft they stay in the "
        "working tree only. After a push, git revert makes a new commit that undoes it.",
        "def reset(self) -> None: self._count = 0  # called between two runs",
    ),
    (
        "termination of a rental contract notice period",
        "The tenant may end an unlimited contract with three months' notice to the end of a month; for the landlord the period "
        "grows to six months after five years and nine after eight, and a reason is needed.",
        "The flat has three rooms, a balcony to the south and a cellar. Pets are welcome.",
    ),
    (
        "cuántos habitantes tiene Buenos Aires",
        "La ciudad tiene algo más de tres millones de habitantes según el censo de 2022; con los municipios vecinos forma una "
        "aglomeración de unos catorce millones.",
        "El tango nació a fines del siglo XIX en los barrios del puerto, entre Buenos Aires y Montevideo.",
    ),
    (
        "effect of wing sweep on drag at high speed",
        "Sweeping a wing lowers the component of the flow normal to the leading edge, which delays the rise of wave drag to "
        "higher Mach numbers; tests at M = 0.9 showed the drag coefficient 30 % below that of the straight wing.",
        "The heat transfer of a blunt body in hypersonic flow was measured in a shock tube.",
    ),
    (
        "best way to store fresh basil",
        "Cut the stems, put them into a glass of water like flowers and keep it at room temperature; in the refrigerator the "
        "leaves turn black. Chopped and frozen in oil, basil lasts for months.",
        "Basel lies on the Rhine where Switzerland, France and Germany meet.",
    ),
    (
        "how does inflation affect bond prices",
        "Rising inflation makes fixed payments worth less, so buyers ask for a higher yield and the price of existing bonds "
        "falls; the longer the term, the more. Index-linked bonds adjust their payments.",
        "James Bond was played by Sean Connery in six films between 1962 and 1971.",
    ),
)

_LONG_REPEATS = 12


def sample_candidates() -> list[Candidates]:
    """Return 16 lists of 16 texts: the first half to calibrate by, the second, of other texts, to compare on."""
    return [*_lists(_CALIBRATION), *_lists(_COMPARISON)]


def long_candidates() -> Candidates:
    """Return texts of unequal length, up to beyond the window of most models."""
    query, passage, other = _COMPARISON[0]
    return Candidates(query, (passage, other, "", f"{passage} {other} " * _LONG_REPEATS))


def _lists(topics: tuple[tuple[str, str, str], ...]) -> list[Candidates]:
    passages = tuple(text for _, *texts in topics for text in texts)
    return [Candidates(query, passages) for query, *_ in topics]
