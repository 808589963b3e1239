"""Words around a time that make it the end of an absence: the person is unavailable, or asks not to
be contacted, until it is over. English and Spanish.
"""

import re

BUSY = (
    "busy|working|at work|in (?:a )?meetings?|tied up|ocupad[oa]|trabajando"
    "|en (?:el )?trabajo|en una (?:junta|reunion)"
)
_REACH = (
    r"(?:call|contact|text|phone|ring|reach|talk|speak|chat|bother|message|answer|write|email"
    r"|pick up"
    r"|do (?:this|it|that))"
)
_REACH_ES = r"(?:llam|habl|escrib|contact|molest|marqu|contest|busqu)\w*"
REFUSING = (
    r"(?:(?:do|does|did|could|would|wo|is|are|am|was)(?: not|n ?t)|(?:i|we|he|she"
    r"|they) (?:\w+ )?not"
    r"|dont|doesnt|wont|isnt|arent|cant|can ?(?:not|t)|unable to|not|never|stop|avoid|instead of)"
)
_ABSENT = re.compile(
    r"\b(?:(?<!passed )(?<!pass )(?<!right )(?<!straight )(?<!go )(?<!went )away|gone"
    r"|out(?= (?:through|thru|until|till?|from|till)\b)|out of (?:town|state|country|office|reach"
    r"|range|service|area|city"
    r"|the (?:country|office|state|area|city|house))"
    r"|(?:be|am|m|im|is|are|re|s) out(?! of\b)|vacations?|vacationing"
    r"|on (?:a |an |my |our |the )?(?:\w+ )?(?:holiday|trip|cruise|honeymoon|business|leave|call"
    r"|shift"
    r"|duty|tour|retreat|assignment|plane|bed rest)"
    r"|travel\w*|abroad|overseas|unavailable|unreachable|offline|camping|sabbatical|hiking"
    r"|deployed|deployment"
    r"|stationed|incarcerated|hospital\w*|surgery|operation|chemo|rehab|jail|prison|custody|court"
    r"|class|classes|school|church|training|appointments?|recover\w*|resting"
    r"|asleep|sleeping|driving|flying|moving|sick|ill|swamped|booked|closed|busy|working|at work"
    r"|in (?:a |another )?meetings?|tied up"
    r"|(?:no|without|without a|without my) (?:phone|cell|service|signal|reception|internet|access)"
    rf"|{REFUSING}(?: \w+)?(?: be| been)?(?: \w+)? (?:there|here|home|around|available|free|able"
    r"|reachable|in town|in the office|good)"
    rf"|{REFUSING}(?: please| ever| even| be able to| take)?(?: to)? {_REACH}(?:ing|ed|s)?"
    r"(?: (?:me|us|it|this|to me|back|again|at (?:work|home|all)|my \w+|by \w+))*"
    r"|fuera|de viaje|viaj\w+|vacaciones|ausente|internad[oa]|desplegad[oa]|extranjero|operan"
    r"|operar\w*"
    r"|operacion|cirugia|carcel|recuperando\w*|de licencia|de baja|clases?|enferm[oa]|ocupad[oa]"
    r"|trabaj(?:o|ando)|(?:en|una) (?:junta|reunion)|reposo"
    r"|no (?:estoy|estare|estaremos|estamos|voy a estar|vamos a estar|puedo|podemos|podre|podremos)"
    r"(?: \w+r(?:me|nos)?)?|sin (?:telefono|celular|senal|internet)"
    rf"|no (?:me |nos )?{_REACH_ES})\b"
)
# words after an absence that make the next time one at which the person can be reached
_REACHED = re.compile(
    rf"\b(?:{_REACH}(?:ing)?|remind|try|ask|check|free|available|home|until|till?|hasta|then|but"
    rf"|pero"
    r"|(?:back|return\w*|regres\w+|vuelv\w+|volver\w*)(?: (?:from|de)(?: my| the| a| our| mis?"
    r"| las?)?"
    rf" \w+)?|{_REACH_ES}|intent\w+|disponible|libre|entonces)\b"
)
_ABSENT_BEHIND = re.compile(
    r" (?:no (?:puedo|podemos|estoy|estare|me)|(?:is no|isn t|isnt|not) good"
    r"|(?:i|we) (?:can ?(?:not|t)|am not|m not|won t|wont|will not)"
    r"|(?:doesn t|doesnt|does not|won t|wont|will not) work"
    r"|(?:estoy|estare|estaremos|voy a estar) (?:fuera|de viaje|de vacaciones|ausente|ocupad[oa]"
    r"|trabajando)"
    r"|(?:i|we) ?(?:m|am|are|re|ll be|will be)(?: going to be| gonna be)? (?:\w+ )?"
    rf"(?:away|gone|out|busy|unavailable|travel\w*|abroad|overseas|on|in|at|working|{BUSY}))\b"
)


def is_absence_before(lead: str) -> bool:
    """Whether the words before a time say that the person is unavailable then."""
    absent = _last(_ABSENT, lead)
    return absent is not None and absent > (_last(_REACHED, lead) or (0, 0))


def is_absence_after(behind: str) -> bool:
    """Whether the words after a time say that the person is unavailable then."""
    return _ABSENT_BEHIND.match(behind) is not None


def _last(words: re.Pattern[str], lead: str) -> tuple[int, int] | None:
    """The end (and negated start) of the last match; of two that end together, the longer
    one wins.
    """
    return max(((found.end(), -found.start()) for found in words.finditer(lead)), default=None)
