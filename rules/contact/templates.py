"""Text templates per language, with a few named placeholders, and the segments a text takes.

A text says who sends it, carries our own URL, and says how to opt out. It never says what was
treated: there is no placeholder for an invoice's project or notes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

PLACES = frozenset({"clinic", "url", "amount"})
# for a text about several invoices: `links` are their numbers, each with its URL
PLACES_OF_SEVERAL = frozenset({"clinic", "links", "count"})
REQUIRED = {
    "payment_link": frozenset({"clinic", "url"}),
    "payment_links": frozenset({"clinic", "links"}),
    "reminder": frozenset({"clinic", "url"}),
    "help": frozenset({"clinic"}),
}
KINDS = tuple(REQUIRED)
MAX_LENGTH = 1600  # Twilio's maximum
MAX_CLINIC = 60
MAX_NUMBER = 20
# characters that a placeholder can take at most
WIDEST = {"clinic": MAX_CLINIC, "url": 120, "amount": 24, "links": 700, "count": 3}
FALLBACK = "en"
LOCALES = {"en": "en_US", "es": "es_US"}  # how amounts are written in US dollars

# Without letters that GSM-7 lacks (á, í, ó, ú): a single one can triple the price of a text.
DEFAULTS: dict[tuple[str, str], str] = {
    ("payment_link", "en"): "{clinic}: you can pay your invoice securely here: {url}",
    ("payment_link", "es"): "{clinic}: puede pagar su factura de forma segura en {url}",
    ("payment_links", "en"): "{clinic}: you can pay your {count} invoices securely: {links}",
    ("payment_links", "es"): "{clinic}: puede pagar sus {count} facturas de forma segura: {links}",
    ("reminder", "en"): "{clinic}: a reminder that your invoice is still open. Pay securely: {url}",
    ("reminder", "es"): "{clinic}: le recordamos su factura pendiente. Puede pagarla en: {url}",
    ("help", "en"): "{clinic}: this number sends payment links. For help please call the office.",
    ("help", "es"): "{clinic}: este canal manda enlaces de pago. Para ayuda, llame a la oficina.",
}
STOP_LINES = {"en": "Reply STOP to opt out.", "es": "Responda STOP para no recibir mensajes."}

_STOP_ROOM = 1 + max(map(len, STOP_LINES.values()))
_PLACE = re.compile(r"\{([^{}]*)\}")
_STOP_WORD = re.compile(r"\bSTOP\b")
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_ESCAPED = frozenset("^{}\\[~]|€\f")  # these need an escape character
_TYPOGRAPHY = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "\u00a0": " ",
        "\u202f": " ",
    }
)
_ONE, _MANY = 160, 153
_ONE_UCS2, _MANY_UCS2 = 70, 67


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text ready to be sent: its body, its encoding, and the number of billed segments."""

    body: str
    encoding: str
    segments: int


def template_errors(kind: str, body: str) -> list[str]:
    """What is wrong with a template, in words for its author; empty if nothing."""
    found = set(_PLACE.findall(body))
    places = PLACES_OF_SEVERAL if kind == "payment_links" else PLACES
    faults = [
        f"{{{name}}} is not a placeholder; use {', '.join(sorted(places))}"
        for name in sorted(found - places)
    ]
    faults += [f"{{{name}}} is missing" for name in sorted(REQUIRED[kind] - found)]
    if _PLACE.sub("", body).count("{") or _PLACE.sub("", body).count("}"):
        faults.append("there is an unmatched brace")
    longest = (
        len(_PLACE.sub(lambda place: "x" * WIDEST.get(place[1], 0), body).translate(_TYPOGRAPHY))
        + _STOP_ROOM
    )
    if longest > MAX_LENGTH:
        faults.append(f"it could be {longest} characters long; the limit is {MAX_LENGTH}")
    return faults


def language_of(language: str | None) -> str:
    """The nearest language that we have texts in: `es-MX` is `es`, `de` is `en`."""
    base = (language or FALLBACK).replace("_", "-").split("-")[0].casefold()
    return base if base in STOP_LINES else FALLBACK


def render(template: str, language: str, values: dict[str, str]) -> Rendered:
    """Fill in `template`, with plain quotes and dashes. Opt-out instructions are appended unless
    the template itself has them: a STOP in a filled-in value, such as the clinic's name or staff's
    words, does not count. Raises ValueError if the text is too long.
    """
    known = values | {"clinic": " ".join(values.get("clinic", "").split())[:MAX_CLINIC]}
    body = (
        _PLACE.sub(lambda place: known.get(place[1], ""), template).translate(_TYPOGRAPHY).strip()
    )
    if not _STOP_WORD.search(_PLACE.sub("", template)):
        body = f"{body} {STOP_LINES[language_of(language)]}"
    if len(body) > MAX_LENGTH:
        raise ValueError(f"The text has {len(body)} characters; at most {MAX_LENGTH} can be sent.")
    return measured(body)


def measured(body: str) -> Rendered:
    """Wrap a final text with its encoding and segments."""
    return Rendered(body, *_weight(body))


def links_of(numbered: Sequence[tuple[str, str]]) -> str:
    """The value of `links`: invoice numbers, each with its URL."""
    return " ".join(f"{number[:MAX_NUMBER]}: {url}" for number, url in numbered)


def _weight(body: str) -> tuple[str, int]:
    """Encoding and segments by 3GPP 23.038 and 23.040."""
    if all(char in _GSM or char in _GSM_ESCAPED for char in body):
        units = [2 if char in _GSM_ESCAPED else 1 for char in body]
        return "GSM-7", _segments(units, _ONE, _MANY)
    return "UCS-2", _segments(
        [len(char.encode("utf-16-le")) // 2 for char in body], _ONE_UCS2, _MANY_UCS2
    )


def _segments(units: list[int], one: int, many: int) -> int:
    """How many segments hold the characters; no character is split between two."""
    if sum(units) <= one:
        return 1
    segments = 1
    room = many
    for unit in units:
        if unit > room:
            segments = segments + 1
            room = many
        room -= unit
    return segments
