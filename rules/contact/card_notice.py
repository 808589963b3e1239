"""The notice shown to a patient before a card is taken for medical costs, in states that require
one.

New York (N.Y. Gen. Bus. Law 519-a, in force since 20 October 2024): paying by card gives up
protections that state and federal law give to medical debt, and necessary care must not depend on a
card on file. The wording is ours; counsel of the business that uses this must approve it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rules.contact.places import places_of
from rules.contact.policy import BY_ID

RULE = BY_ID["new_york.card_notice"]


@dataclass(frozen=True, slots=True)
class CardNotice:
    """A notice: its title, its sentences, and the label of the link that continues to payment."""

    language: str
    title: str
    sentences: tuple[str, ...]
    go_on: str


_IN = {
    "en": CardNotice(
        "en",
        "Before you pay by card",
        (
            (
                "In New York, a medical bill that you pay by credit card is no longer medical"
                " debt: it"
                " becomes ordinary credit card debt."
            ),
            (
                "You then do without protections that state and federal law give to medical debt,"
                " among them those against wage garnishment and liens on your home, against"
                " reports"
                " to credit bureaus, and against high interest."
            ),
            (
                "You need no card on file to get emergency or medically necessary care. You"
                " may ask the"
                " office about other ways to pay, or about help with the bill."
            ),
        ),
        "I have read this. Go on to payment",
    ),
    "es": CardNotice(
        "es",
        "Antes de pagar con tarjeta",
        (
            (
                "En Nueva York, una factura médica que usted paga con tarjeta de crédito deja"
                " de ser"
                " deuda médica: pasa a ser una deuda común de tarjeta."
            ),
            (
                "Usted renuncia así a protecciones que las leyes estatales y federales dan a"
                " la deuda"
                " médica, entre ellas contra el embargo del salario y los gravámenes sobre su"
                " vivienda, contra los informes a agencias de crédito y contra los intereses"
                " altos."
            ),
            (
                "No necesita una tarjeta registrada para recibir atención de emergencia o"
                " necesaria."
                " Puede preguntar en la oficina por otras formas de pago o por ayuda con la"
                " factura."
            ),
        ),
        "Lo he leído. Continuar con el pago",
    ),
}
LANGUAGES = tuple(_IN)


def card_notice(
    phones: Iterable[str], address: dict[str, str] | None, language: str | None, today: date
) -> CardNotice | None:
    """The notice for a person who may live in one of the rule's states, by address or by a phone
    number; None if no state requires it.
    """
    states = {
        *places_of("", address).states,
        *(state for phone in phones for state in places_of(phone, None).states),
    }
    if not states & set(RULE.states) or not RULE.in_force(today, today):
        return None
    return _IN["es" if (language or "").casefold().startswith("es") else "en"]
