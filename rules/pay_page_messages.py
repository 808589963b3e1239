"""The pay page's messages if it cannot redirect to Stripe, for anyone who follows a bill's URL:
nothing personal, in the language of the customer's texts.
"""

from typing import Literal

Why = Literal["paid", "nothing_due", "under_way", "refused", "preparing"]

# a title and a sentence
SAID: dict[tuple[Why, str], tuple[str, str]] = {
    ("paid", "en"): ("This has been paid already.", "Thank you. There is nothing left to do."),
    ("paid", "es"): ("Esto ya ha sido pagado.", "Gracias. No tiene que hacer nada más."),
    ("nothing_due", "en"): (
        "There is nothing to pay here right now.",
        "Please call the office that sent it if you have a question.",
    ),
    ("nothing_due", "es"): (
        "Por ahora no hay nada que pagar aquí.",
        "Si tiene alguna pregunta, llame a la oficina que se lo envió.",
    ),
    ("under_way", "en"): (
        "A payment is on its way.",
        "There is nothing to do now. If it does not arrive, you can pay again here.",
    ),
    ("under_way", "es"): (
        "Hay un pago en camino.",
        "Por ahora no tiene que hacer nada. Si el pago no llega, puede volver a pagar aquí.",
    ),
    ("refused", "en"): (
        "This cannot be paid online right now.",
        "Please call the office that sent it.",
    ),
    ("refused", "es"): (
        "Por ahora esto no se puede pagar en línea.",
        "Por favor, llame a la oficina que se lo envió.",
    ),
    ("preparing", "en"): ("Your payment page is being prepared.", "It will open in a few seconds."),
    ("preparing", "es"): (
        "Estamos preparando su página de pago.",
        "Se abrirá en unos segundos.",
    ),
}
# for an unknown URL, whose customer's language is not known
UNKNOWN = (
    "This payment link is no longer valid.",
    "Please ask the office that sent it for a new one.",
)
