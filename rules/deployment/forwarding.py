"""How a clinic forwards its calls: the large carriers' codes, and the detection of call loops.

Codes as given on the carriers' help pages (November 2026): AT&T, Verizon, T-Mobile, UScellular,
Xfinity Voice, Spectrum Voice. `*72` and `*73` are those of most land lines. Pure.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes to dial to start and stop forwarding; `{number}` is the ten-digit target."""

    carrier: str
    activate: str
    deactivate: str
    note: str = ""


_WAIT = "Wait for two beeps, or until it is answered, before you hang up."
CARRIERS = (
    Codes("AT&T (mobile)", "*21*1{number}#", "#21#"),
    Codes("AT&T (land line)", "*72 {number}", "*73", _WAIT),
    Codes("Verizon (mobile)", "*72{number}", "*73"),
    Codes("Verizon (land line)", "*72 {number}", "*73", _WAIT),
    Codes("T-Mobile", "**21*1{number}#", "##21#"),
    Codes("UScellular", "*72{number}", "*73"),
    Codes("Xfinity Voice", "*72 {number}", "*73", _WAIT),
    Codes("Spectrum Voice", "*72 {number}", "*73", _WAIT),
    Codes("Others", "*72 {number}", "*73", "Ask your carrier if these do not work."),
)


def codes_for(number: str) -> list[Codes]:
    """Every carrier's codes for forwarding to `number` (E.164, US or Canada)."""
    digits = number.removeprefix("+1")
    return [
        Codes(each.carrier, each.activate.format(number=digits), each.deactivate, each.note)
        for each in CARRIERS
    ]


def forwarding_loop(clinic: str, receptionist: str, tester: str = "", transfer: str = "") -> str:
    """Why calls between these numbers would loop, and what to do; '' if they would not."""
    if clinic and clinic == receptionist:
        return (
            f"{clinic} is the receptionist's own number: a number cannot be forwarded to itself."
            " Give the number that your clinic had before."
        )
    if transfer and transfer in {clinic, receptionist}:
        return (
            f"Callers who ask for a person would be sent to {transfer}, which forwards to the"
            " receptionist again. Give another number for that."
        )
    if tester and tester in {clinic, receptionist}:
        return f"Test calls come from {tester}, so that number cannot be tested itself."
    return ""
