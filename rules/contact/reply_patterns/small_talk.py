"""Patterns of questions and thanks."""

QUESTION = (
    r"^(?:who|what|when|where|why|how|which|whose|is|are|am|do|does|did|can|could|would|will"
    r"|should|may|has|have)\b"
    r"|\b(?:what (?:is|s|are|was|for|do)|who (?:is|s|are)|how (?:much|do|can|come)"
    r"|why (?:is|am|do|did)"
    r"|which (?:visit|bill|date)|can you (?:tell|send|explain|email|resend)|not sure|"
    r"don t (?:understand|recognize|remember|know)|dont (?:understand|recognize|remember"
    r"|know)"
    r"|need (?:an? )?(?:itemized|statement|receipt|copy|invoice|information|info)"
    r"|please (?:send|email|explain)|link (?:does|doesn|doesnt|is|isn|won|not|broken)\w*"
    r"|scam)\b"
    r"|^(?:quien|que|cuando|donde|por que|como|cual|cuanto|cuanta|de que|para que|a quien)\b"
    r"|\b(?:cuanto (?:es|debo)|de que (?:es|se trata)|por que|no entiendo|no recuerdo"
    r"|quien es"
    r"|me puede (?:mandar|enviar|explicar)|necesito (?:un recibo|una copia|la factura))\b"
)
THANKS = (
    r"^(?:(?:ok|okay|okey|k|kk|thank you|thank u|thanks|thx|ty|tysm|great|perfect|got it"
    r"|will do|sure"
    r"|yes|yep|yeah|yup|sounds good|alright|all right|cool|good|awesome|appreciate it"
    r"|no problem"
    r"|np|you too|have a (?:great|good|nice) (?:day|one|evening|weekend)|so much|very much"
    r"|a lot"
    r"|noted|received|done|fine|god bless|bless you|for (?:the|your|letting me know"
    r"|reminding me)"
    r"(?: \w+){0,3}|much appreciated|gracias|muchas|muy amable|de nada|vale|bueno"
    r"|esta bien|listo"
    r"|perfecto|claro|si|de acuerdo|entendido|recibido|por (?:el|la|su|avisar)(?: \w+){0,2}"
    r"|igualmente|mil|bendiciones)(?: |$))+$"
)
THANKFUL = frozenset("\U0001f44d\U0001f64f\u2764\U0001f60a\U0001f44c\U0001f642\U0001f600\U0001f389")
