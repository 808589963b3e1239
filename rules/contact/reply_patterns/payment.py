"""Patterns of texts about paying: it was paid, who will pay, or why the person cannot."""

import re

ALREADY_PAID = (
    r"\b(?:already|just|have|had|i|we|ive|she|he|was|been|is|its|it|s|husband|wife|mother"
    r"|mom|father"
    r"|dad|son|daughter) (?:(?!get|getting|be|will|ll"
    r"|gonna|not|never|haven|hasn|wasn|isn|t)\w+ ){0,2}paid\b(?! by)"
    r"|(?<!get )(?<!gets )\bpaid (?:it|this"
    r"|that|you|already|online|last|in|the|my|by|with|yesterday"
    r"|today|on|off|cash|up|for)\b|^paid\b|\bpayment (?:was |has been |is )?(?:made|sent"
    r"|mailed"
    r"|already|went)\b"
    r"|\b(?:sent|mailed|dropped off|gave|wrote)(?: \w+){0,3} (?:check|cheque|payment|money"
    r"|cash)\b"
    r"|\b(?:already|have) (?:\w+ )?(?:settled|taken care of)\b|\b(?:it|this|that"
    r"|bill)(?: s| is| was)"
    r" (?:settled|taken care of)\b"
    r"|\bya (?:lo |la |se )?(?:pague|pagamos|pago|esta pagad[oa]|fue pagad[oa]|mande|envie)\b"
    r"|\b(?:lo|la) pague\b|\besta pagad[oa]\b|\bpague (?:ayer|hoy|la|el|en|con|todo|mi)\b"
    r"|\bhice el pago\b|\bmande (?:el|un) (?:cheque|pago)\b"
)
INSURANCE = (
    r"\binsur\w+|\bmedicaid\b|\bmedicare\b|\bworkers comp\w*|\bclaim\b|\bcopay\b"
    r"|\bdeductible\b"
    r"|\bmy plan (?:pays|covers|should)\b|\bshould be covered\b"
    r"|\bseguro (?:medico|dental|paga|cubre|va|debe|lo)\b|\b(?:mi|el) seguro\b"
    r"|\baseguradora\b"
)
CANNOT_PAY = (
    r"\bno me alcanza\b|\b(?:do not|don t|dont) have it(?= (?:right now|now|yet|today|this"
    r" (?:week"
    r"|month))\b|$)|\bcan (?:i|we) (?:make|do) payments\b(?! (?:online|by|with|over|on|here)\b)"
    r"|\b(?:can t|cant|cannot|can not|unable to|not able to|couldn t|won t be able to"
    r"|not (?:gonna|going to) be"
    r" able to|wont be able to|don t have the money to)(?: \w+){0,3} (?:pay|afford|cover)\b"
    r"|\b(?:no|any|enough) (?:money|funds|income|cash)\b|\b(?:lost|lose|out of|no) (?:my "
    r"|a )?(?:job|work)\b"
    r"|\bunemployed\b|\bbroke\b|\bhardship\b|\bhomeless\b|\btight (?:right now|this month)\b"
    r"|\b(?:laid off|on disability|fixed income|food stamps)\b"
    r"|\b(?:payment|pay|monthly) plan\b|\binstal?lments?\b|\bpayment arrangements?\b|\bset up"
    r" payments\b|\b(?:pay|payments)(?: \w+){0,3} (?:a month|monthly|per month|a little|in"
    r" parts|at a time|over time|every month|each month)\b|\bmonthly payments?\b"
    r"|\b(?:financial|charity) (?:assistance|aid|help|care|trouble|hardship)\b"
    r"|\bneed more time\b"
    r"|\bmore time to pay\b|\bextension\b"
    r"|\bno (?:puedo|podemos|puede)(?: \w+){0,3} pagar\b|\bno tengo (?:dinero|plata"
    r"|trabajo|con que"
    r"|como|para pagar|fondos)\b|\bsin (?:dinero|trabajo|empleo)\b|\bdesemplead[oa]\b|\bperdi"
    r" (?:mi|el) (?:trabajo|empleo)\b"
    r"|\bplan de pagos?\b|\b(?:en|a) (?:pagos|plazos|cuotas|abonos|partes)\b|\bpoco a poco\b"
    r"|\bayuda financiera\b|\bmas tiempo\b|\babonos?\b"
)
WILL_PAY = (
    r"\b(?:i|we|ill|i ll|i m|im|she|he|will|gonna|going to|can|plan to|promise to|intend to)"
    r"(?: \w+){0,4} (?:pay|take care of (?:it|this)|send (?:it|a check|payment|the money))\b"
    r"|\b(?:pay|paying|payment)(?: \w+){0,4} (?:tomorrow|tonight|today|later|soon|next|monday"
    r"|tuesday|wednesday|thursday|friday|saturday|sunday|week|month|payday|paycheck|the"
    r" \d+\w*|on \d+)\b|\b(?:when|once|after) i get paid\b|\bi get paid\b|\bpayday\b"
    r"|\b(?:tomorrow|tonight|today|later|soon|\w+day)(?: \w+){0,3} pay\b"
    r"|\b(?:voy a|vamos a|prometo|puedo|quiero|planeo) pagar\b|\b(?:lo |la |le )?(?:pagare"
    r"|pagaremos)\b"
    r"|\bpago (?:manana|el|la|hoy|luego|despues|la proxima)\b|\bcuando (?:me paguen|cobre)\b"
)
# "not paid" and "will not pay" are neither a payment nor a promise
UNPAID = re.compile(
    r"\b(?:not|n t|never|(?:hasn|haven|wasn|isn|didn|won|can|couldn|ain) ?t|should(?: have| ve)"
    r"|cannot"
    r"|refus\w+ to|supposed to (?:have|be)|no|nunca|jamas)"
    r"(?: (?:been|be|yet|even|actually|fully|ever|gotten|got|have|get|plan to|intend to|want to"
    r"|going to|gonna|voy a|vamos a"
    r"|lo|la|les?|to|able))* (?:pay|paid|paying|pagar|pague|pagare|pagaremos|pago|pagad[oa])\b"
)
