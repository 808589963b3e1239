"""Patterns of texts that ask for a call or contact, now or at another time."""

import re

_TIMES = (  # a text made of these words alone names a time
    r"on|until|till?|after|at|in|the|next|this|that|day|end|of|el|la|las|hasta|despues|de|por"
    r"|pasado"
    r"|que|viene|otra|proxim[oa]|weeks?|weekend|month|semana|mes|\d+(?:st|nd|rd|th)?|am|pm|noon"
    r"|morning|afternoon|evening|tomorrow|tonight|manana|tarde|noche|(?:mon|tues|wednes|thurs|fri"
    r"|satur|sun)day|lunes|martes|miercoles|jueves|viernes|sabado|domingo"
)
CALL_ME = (
    r"\b(?:call|phone|ring) (?:me|us|back|my (?:cell|phone|number|work|office))\b"
    r"|\bgive (?:me|us)"
    r" a (?:call|ring)\b|\bplease call\b|^call\b|\bcan (?:you|someone|somebody|anyone"
    r"|i get someone"
    r" to) (?:please )?call\b|\bi (?:want|need|would like|d like|prefer)(?: to (?:get )?| a )"
    r"(?:call|speak|talk|phone call|callback|call back)\b|\b(?:speak|talk) (?:to"
    r"|with) (?:a |an"
    r" )?(?:person|human|someone|somebody|representative|agent|manager|real)\b|\bcall ?back\b"
    r"|(?<!a )(?<!i )(?<!ll )(?<!to )(?<!can )(?<!will )\bcall (?:only )?(?:after|on|at|in the"
    r"|any ?time|later|tomorrow|tonight|next|monday|tuesday|wednesday|thursday|friday)\b"
    r"|\bllam(?:e|en|a)(?:me|nos)\b|\bllame\b|\bme (?:puede|pueden|podria|podrian) llamar\b"
    r"|\bpuede(?:n)? llamarme\b|\bquiero (?:hablar|que me llamen)\b"
    r"|\bhablar con (?:alguien|una"
    r" persona|un agente|un representante)\b|\bmarqueme\b|\bllamada\b"
)
LATER = (
    r"\b(?:text|message|contact|write|email|remind|ask|bother|try|reach)(?:ing)? (?:to )?(?:me"
    r"|us)\b|\b(?:reach out|check (?:back|in)|follow up|try (?:again|back)|get back to me)\b"
    r"|\b(?:let s|lets|can we|could we|we can|i can|i ll|i will|^) ?(?:please )?(?:talk|speak"
    r"|chat|discuss)\b|\bwait (?:until|till?|for)\b|\bgive (?:me|us)\b"
    r"|\b(?:out of (?:town|state|the country|the office)|on vacation|away|travell?ing"
    r"|fuera de la ciudad|de (?:vacaciones|viaje))\b"
    r"|\b(?:not a good|a bad) time\b|\bmal momento\b"
    r"|\b(?:i m|im|i am|estoy) (?:\w+ ){0,2}(?:busy|working|work|meetings?|tied up"
    r"|ocupad[oa]|trabajando|trabajo|junta|reunion)\b"
    rf"|^(?:{_TIMES})(?: (?:{_TIMES}))*$"
    r"|\bnot (?:right )?(?:now|away|today|tonight|until|till?|before|this)\b"
    r"|^(?:maybe |perhaps )?later\b|\b(?:an|some) ?other (?:time|day)\b"
    r"|\b(?:can t|cant|cannot|can not|unable to|not able to) (?:talk|speak|chat|answer|text"
    r"|do this|take (?:a |this |your )?call)\b"
    r"|\b(?:do not|don t|dont|never|not|stop) (?:call|contact|text|phone|ring|bother)(?:ing)?\b"
    r"|\b(?:escrib|contact|busqu|marqu|recuerd|avis|mand|habl|molest)\w*(?:me|nos)\b"
    r"|\bhablamos\b"
    r"|\b(?:podemos|puedo|quiero|prefiero|podriamos) hablar\b"
    r"|\bintent\w+ (?:de nuevo|otra vez)\b|\besper\w+\b.*\b(?:hasta|un|una|al|a)\b"
    r"|\b(?:ahora|hoy|ahorita) no\b|\bno (?:puedo|es buen momento)\b"
    r"|\bno (?:me |nos )?(?:llam|contact|escrib|marqu|molest|busqu)\w+"
    r"|\b(?:mas tarde|otro dia|otro momento|luego)\b"
)
# the person is away, whether or not they ask for another time
AWAY = re.compile(
    r"\b(?:(?<!passed )(?<!pass )(?<!right )(?<!go )away|gone|out of (?:the )?\w+|sabbatical"
    r"|on (?:\w+ )?leave"
    r"|no (?:contact|calls?|texts?)|busy|until|till|hasta|(?<!can t )(?<!cant )wait|hold off|give"
    r" (?:me|us)"
    r"|d[ae](?:me|nos)|denme|espere(?:n|me|nme)?|a partir|hit me up|no voy a estar|out (?:through"
    r"|thru"
    r"|from)|(?:be|come|coming|get|getting|m) back|return(?:ing)?"
    r"|(?:regreso|vuelvo|regresare|volvere)|need(?: \w+){0,4} (?:days|weeks"
    r"|months)"
    r"|(?:not|won t|wont|isn t"
    r"|isnt)(?: be)? (?:home"
    r"|here|there|available|around|in town|reachable)|deployed|stationed|hospital\w*|rehab|jail"
    r"|prison"
    r"|overseas|abroad|unavailable|vacation|travell?ing|surgery|recovering|recuperando\w*"
    r"|internad[oa]"
    r"|(?:no estoy|no estare|estoy fuera|estare fuera|de viaje|de vacaciones|operan|cirugia))\b"
)
# "don't call me tomorrow" asks for no call
NO_CALL = re.compile(
    r"\b(?:do not|don t|dont|never|not|stop|quit|no)(?: please| ever| even| me| nos)*"
    r" (?:to )?(?:call|phone|ring|llam|marqu)\w*(?: (?:me|us|back|my \w+))*"
)
# When the person wants to be called: kept in their own words, for the staff member who calls.
WHEN = re.compile(
    r"\b(?:(?:after|before|around|about|at|between|by|until|a las|despues de las|antes de las)"
    r" \d{1,2}(?: \d{2})?(?: ?(?:a ?m|p ?m|o clock))?(?: (?:and|to|y|a) \d{1,2}(?: ?(?:am|pm))?)?"
    r"|\d{1,2}(?: \d{2})? ?(?:am|pm)"
    r"|(?:tomorrow|today|tonight|next week|this (?:morning|afternoon|evening|week)"
    r"|(?:in the|this|tomorrow) (?:morning|afternoon|evening)|(?:next |on )?(?:monday|tuesday"
    r"|wednesday|thursday|friday|saturday|sunday)|after work|lunch ?time|noon|now|asap"
    r"|later|next month|another time|in (?:\w+ ){1,3}(?:minutes?|hours?|days?|weeks?)"
    r"|mas tarde|luego|en \w+ (?:minutos?|horas?|dias?|semanas?)"
    r"|manana|hoy|pasado manana|(?:el |proximo )*(?:lunes|martes|miercoles|jueves|viernes|sabado"
    r"|domingo)|(?:en|por) la (?:manana|tarde|noche)|ahora|la proxima semana))\b"
)
