"""What people answer to a text, besides STOP and its kin: each answer is one of these classes,
found by rules alone, in English and Spanish.

The weightier class counts where words fit several. What must be heeded at once, whatever else was
meant, places a hold or suppresses the number: a death, a bankruptcy, an attorney, a disputed bill,
who cannot pay, somebody else's number (12 CFR 1006.6(b)(2), 1006.14(h), 1006.38; 11 USC 362). Where
a text can be read both ways it is the weightier one: a contact too few harms nobody.
"""

import re
from dataclasses import dataclass

from rules.contact.asked.at_once import is_time_alone
from rules.contact.asked_times import names_another_time
from rules.contact.opt_out.words import PASSED, own_words, plain_words


@dataclass(frozen=True, slots=True)
class Class:
    """One class of answers: `words` tell it to people, `suggested` is the likely right action of a
    work item. `hold`: the kind of hold that is placed at once; `suppresses` the number at once.
    """

    code: str
    words: str
    suggested: str
    hold: str = ""
    suppresses: bool = False


# The weightiest first.
CLASSES: tuple[Class, ...] = (
    Class("deceased", "Somebody says that the person has died.", "done", hold="deceased"),
    Class("bankruptcy", "The person says that there is a bankruptcy.", "done", hold="bankruptcy"),
    Class("lawyer", "The person has an attorney, who is to be asked.", "done", hold="attorney"),
    Class("wrong_number", "The number is somebody else's.", "done", suppresses=True),
    Class(
        "dispute", "The person says that the bill is wrong or not theirs.", "reply", hold="dispute"
    ),
    Class("already_paid", "The person says that it is paid. Look for the payment.", "reply"),
    Class("insurance", "The person says that their insurance pays.", "reply"),
    Class("cannot_pay", "The person cannot pay, or not all at once.", "reply", hold="hardship"),
    Class("call_me", "The person asks to be called.", "called"),
    Class("later", "The person asks to be contacted another time.", "done"),
    Class("will_pay", "The person says that they will pay. Record a promise.", "reply"),
    Class("question", "The person asks something.", "reply"),
    Class("thanks", "The person says thanks or agrees.", "done"),
    Class("unknown", "The person has answered by text.", "reply"),
)
BY_CODE = {each.code: each for each in CLASSES}

_KIN = (
    r"(?:husband|wife|spouse|partner|mother|mom|mum|mama|father|dad|papa|son|daughter|brother"
    r"|sister"
    r"|(?:grand|step)(?:ma|pa|mother|father|mom|dad|son|daughter)|nana|aunt|uncle|patient|esposo"
    r"|esposa|marido|mujer|madre|padre|hijo|hija|hermano|hermana|abuel[oa]|ti[oa]|paciente)"
)
_HOUSEHOLD = rf"(?:he|she|{_KIN})"
_BILL = r"(?:debt|bill|invoice|charge|charges|balance|account|amount|total|statement)"
_BILL_ES = r"(?:deuda|factura|cuenta|cargo|cargos|saldo|monto|cantidad|importe|cobro)"
_TIMES = (  # of which nothing else is said
    r"on|until|till?|after|at|in|the|next|this|that|day|end|of|el|la|las|hasta|despues|de|por"
    r"|pasado"
    r"|que|viene|otra|proxim[oa]|weeks?|weekend|month|semana|mes|\d+(?:st|nd|rd|th)?|am|pm|noon"
    r"|morning|afternoon|evening|tomorrow|tonight|manana|tarde|noche|(?:mon|tues|wednes|thurs|fri"
    r"|satur|sun)day|lunes|martes|miercoles|jueves|viernes|sabado|domingo"
)
_RIGHT = (  # "not right now" is another time
    r"(?:mine|accurate|(?:right|correct)(?! (?:now|away|this|at|e ?mail|email|address|number|phone"
    r"|name|person|time|link|day)\b))\b"
)
_ASIDE = (
    r"(?:perdon|perdone|disculpe|lo siento|senor|senora|amigo|hola|no|gracias|creo que|usted"
    r"|ustedes)"
)
# who will not pay, and not who cannot, or not yet
_REFUSED = (
    r"\b(?:won t|wont|will not|will never|ll never|never gonna|(?:refuse|refusing) to|(?:do not"
    r"|don t|dont) (?:plan|intend|want) to|not going to"
    r"|not gonna|(?:i m|im|i am|am|we re|we are|ain t|aint) not|(?:i m|im|i am) never (?:going to"
    r" )?)"
    r"(?: ever| be)? pay(?:ing)?\b(?! (?:attention|until|till?|late|today|now|right now|yet|this"
    r" (?:week"
    r"|month)|by|with|on|in|online|over|through)\b)|\bnot paying\b(?= (?:this|that|it|you|the|a)\b"
    r"|$)"
    r"|\b(?:no|nunca|jamas) (?:(?:lo|la|les?|voy a|vamos a) )*(?:pagar|pagare|pagaremos)\b(?!"
    r" (?:hoy|ahora"
    r"|hasta|todavia|manana|con|por|en|el|esta)\b)|\bme niego a pagar\b"
)
_PATTERNS: dict[str, str] = {
    "deceased": (
        r"\bpassed away\b|\bdeceased\b|\bdied\b|\bestate of\b|\bprobate\b"
        r"|\b(?:is|s) no longer (?:with us|alive|living)\b|\b(?:is|s) not alive\b"
        r"|\b(?:in|gone to) heaven\b|\brest in peace\b|\brip\b(?! ?off)|\b(?:is|s"
        r"|was) buried(?! in\b)\b"
        rf"|\b(?:lost|buried|cremated) (?:my|our|her|his|him|her)(?: {_HOUSEHOLD})?"
        r" (?:in(?! (?:the|a) (?:store|crowd|mall|shop|park|airport|system|mail)\b)|on|last|this|a"
        r"|two|years?"
        r"|yesterday)\b|\b(?:we|i) (?:have |just )?lost (?:mom|mum|dad|grandma|grandpa|nana)\b"
        rf"|\bperd(?:i|imos) a (?:mi|nuestr[oa]) {_KIN}\b|\bexecut(?:or|rix) of\b|\blost (?:my"
        rf"|our) {_KIN}$|\b(?:que )?en paz"
        r" descanse\b|\b(?:patient|person|she|he) expired\b"
        r"|\b(?:person|client|customer) (?:is|s|was) dead\b"
        r"|\bya no esta (?:con nosotros|entre nosotros|viv[oa])\b|\bdescans[ea] en paz\b"
        rf"|\b{_HOUSEHOLD} (?:is |s |has |have |had |just |esta )*(?:{PASSED}"
        rf"|muert[oa]\b)|^esta muert[oa]$|\b{_KIN} ya no vive$"
        r"|\bella esta muerta\b|\bel esta muerto\b"
        r"|\bfallec\w+|\bmurio\b|\bha muerto\b|\bdifunt[oa]\b"
    ),
    "bankruptcy": (
        r"\bbank ?r[ua]p\w*|\bdebts? (?:was|were|is|are|got|has been|have been) discharged\b"
        r"|\b(?:chapter|ch|chap) (?:7|11|13|seven|eleven|thirteen)\b"
        r"|\bfiled (?:for )?bk\b|\bmy (?:\w+ )?trustee\b|\bbancarrota\b|\bquiebra\b"
        r"|\bcapitulo (?:7|11|13)\b|\binsolvencia\b"
    ),
    "lawyer": (
        r"\b(?:attorn[ae]?y|atorney|attorny|lawyer|laywer|solicitor|atty|paralegal)s?\b"
        r"|\blaw (?:firm|office)s?\b|\blegal team\b|\brepresented by\b|\b(?:retained|hired|have|my"
        r"|our) counsel\b"
        r"|\blawyered up\b|\bsee you in court\b"
        r"|\blegal (?:counsel|representation|representative|aid)\b"
        r"|\babogad[oa]s?\b|\blicenciad[oa]s? que me represent\w+|\brepresentante legal\b"
    ),
    "wrong_number": (
        r"\bwrong (?:phone |cell )?(?:number|person|guy|man|woman|lady|dude|phone|cell|family"
        r"|patient|no|num)\b|\b(?:have|got) the wrong$"
        r"|\b(?:not|isn t|isnt|no longer) (?:my|his|her|their|that person s) (?:phone |cell"
        r" )?(?:number|phone)\b|\bno longer (?:at|has) this number\b"
        r"|\b(?:nobody|no one|no \w+) (?:\w+ )?(?:by|with|of) (?:that|this) name\b|\bno such"
        r" person\b"
        r"|\bnew (?:phone|number) who\b|\bjust got this (?:number|phone)\b"
        r"|\bthis (?:number|phone)(?: now)? (?:belongs to|is) (?:someone|somebody|another)\b"
        r"|\bwrong num\w*\b|\b(?:that|this)(?: is| s|s) not me\b(?! \w+ing\b)"
        r"|\b(?:does not|doesn t|doesnt) live here\b|\bno longer lives here\b"
        r"|\b(?:he|she) (?:don t|dont) live here\b"
        r"|\b(?:this|the) (?:number|phone) (?:no longer|does not|doesn t|doesnt) belongs? to (?:him"
        r"|her|them|that)\b|\b(?:he|she) (?:no longer has|(?:does not|doesn t|doesnt) have) this"
        r" (?:number|phone)\b|\b(?:he|she) (?:has |s |"
        r")?changed (?:his|her) (?:phone )?number\b|\b(?:this is|it s|its) not the right (?:number"
        r"|phone"
        r"|person)\b|\bwrng (?:num\w*|person)\b"
        r"|\bnever heard of (?:him|her|them|this person|that person)\b"
        rf"|^(?:{_ASIDE} )*se equivoc(?:o|aron|a)(?: {_ASIDE})*$|\bno (?:lo|la|los) conozco\b(?!"
        rf" (?:bien"
        r"|mucho|muy|al|a|el|la|todavia|aun)\b)"
        r"|\bno conozco a (?:ese|esa|ningun|ninguna|nadie)\b|\baqui no (?:vive|esta) ning\w+\b"
        r"|\b(?:el|ella) ya no tiene este (?:numero|telefono|celular)\b|\bno soy la persona que"
        r" busca\w*\b|\bes[oea] no soy yo\b"
        r"|\beste (?:numero|telefono|celular) (?:no es|ya no es) (?:de|su\w*|el de|la de)\b"
        r"|\b(?:i am|i m|im|this is|this isn t|this isnt) not (?:him|her|them|that person|the"
        r" (?:patient|person))\b|\bi (?:do not|don t|dont) know (?:him|her|them|this person"
        r"|who that is)\b"
        r"|\b(?:numero|telefono|persona) (?:equivocad[oa]|incorrect[oa])\b|\bse equivoco de"
        r" (?:numero|persona)\b|\b(?:equivocad[oa]) de (?:numero|persona)\b"
        r"|\bno (?:soy|es) (?:esa persona|el|ella|su numero|el numero)\b|\bno conozco a"
        r" (?:esa persona|nadie|el|ella)\b|\baqui no vive\b|\bya no es su (?:numero|telefono)\b"
    ),
    "dispute": (
        rf"(?<!not )(?<!n t )(?<!dont )\bdisput\w+|{_REFUSED}|\bcontest(?:ing)? (?:this|the|that"
        rf"|my|it)\b|\bi (?:want to|will) contest\b"
        r"|\b(?:isn t|isnt|is not|not) (?:my|our|his|her)"
        rf" {_BILL}\b|\b{_BILL} (?:is not|isn t|isnt|ain t) (?:mine|ours|right|correct|accurate"
        rf"|for me)\b"
        rf"|\b(?:thats|its|this|that|it)(?: is| s| was)? not {_RIGHT}"
        rf"|^(?:no |sorry )?not {_RIGHT}|\b(?:is|must be|s|was) (?:a|an|some)(?: \w+)? (?:mistake"
        rf"|error|mix up)\b"
        r"|\b(?:i|we) (?:do not|don t|dont) agree\b(?! on\b)|\bnever agreed\b|\b(?:did not|didn t"
        r"|didnt"
        r"|never)"
        r" (?:authoriz\w+|approve\w*|sign\w*|order\w*|consent\w*)\b(?!(?: \w+){0,3} (?:in|up"
        r"|yet|form|forms|paperwork|glasses|portal)\b)"
        r"|\b(?:was not|wasn t|wasnt|never) (?:a patient|there(?! (?:when|to (?:answer|talk))\b)"
        r"|seen"
        r"|treated)\b|\btold (?:me )?(?:that )?(?:it|this|they)? ?(?:was|is|would be|were) (?:free"
        r"|covered"
        r"|included|no charge)\b|\b(?:this|it|bill|that) should be \d+ not \d+\b"
        rf"|\b(?:no|zero) (?:balance|debt)\b|\b{_BILL} (?:is|was|should be) (?:zero|0)\b"
        r"|\b(?:have|got) my bill wrong\b|\b(?:was|were) supposed to be (?:free|covered|included)\b"
        r"|\b(?:validate|verify|prove|proof of)(?: \w+){0,2} (?:debt|bill|charge)\b(?! (?:went|goes"
        r"|cleared|posted)\b)|^prove it\b|\bprove(?: that)? i owe\b"
        r"|\bidentity (?:was |is |has been )?(?:stolen|theft)\b|\bstole my identity\b|\b(?:do not"
        r"|don t|dont|never|did not|didn t"
        r"|didnt) (?:think i |believe i )?owe\b|\bowe (?:you )?nothing\b|\bnot my"
        rf" {_BILL}\b|\bidentity theft\b|\bfraud\w*"
        rf"|\b(?:wrong|incorrect|mistaken|inaccurate) {_BILL}\b|\b{_BILL}(?: \w+){{0,3}}"
        r" (?:is|are|was|looks?|seems?|s)(?: \w+){0,2} (?:wrong|incorrect|mistake\w*|error|off"
        r"|not"
        r" right|not correct|inaccurate|too (?:high|much))\b"
        rf"|\b(?:error|mistake|wrong)(?: \w+){{0,3}} (?:on|in|with) (?:my|the|this"
        rf"|your) {_BILL}\b"
        r"|\b(?:over ?charg\w+|over ?bill\w+|double ?(?:charged|billed)|(?:charged|billed) (?:me"
        r" )?(?:twice|too much|double|wrong\w*))\b"
        r"|\bnever (?:went|had|received|got|saw|came|visited|been)(?: \w+){0,4}"
        r" (?:there|appointment|service|services|visit|office|clinic|you|this)\b"
        r"|\bthis (?:is not|isn t|isnt|ain t) (?:right|correct|mine)\b|\bnot what i (?:was"
        r" quoted|agreed|signed)\b"
        rf"|\b(?:esa|esta|ese|este|la|el) {_BILL_ES} no es (?:mi[ao]|correct[oa])\b"
        rf"|\bno es mi[ao]\b"
        rf"|\b{_BILL_ES} no es (?:correct[oa]|mi[ao]|la correcta)\b|\b(?:es|fue) un error\b"
        rf"|\bse equivoc\w+ (?:\w+ ){{0,3}}{_BILL_ES}\b|\bno (?:hay|tengo) ningun\w* {_BILL_ES}\b"
        rf"|\b(?:eso|esto|asi) no es correct[oa]\b|\bmal (?:la|el|mi) {_BILL_ES}\b"
        r"|\bno (?:autorice|firme|acepte|acepto (?:el|la|los|este|esta|ese|esa))\b"
        r"|\bno (?:le |les )?debo\b|\bno es mi(?:a)? (?:factura|deuda|cuenta)\b|\bno reconozco\b"
        r"|\bdisputo\b|\bno estoy de acuerdo\b|\bme cobraron (?:de mas|doble|dos veces|mal)\b"
        rf"|\b{_BILL_ES}(?: \w+){{0,3}} (?:mal|equivocad[oa]|incorrect[oa]|error)\b|\b(?:hay"
        rf"|es) un"
        rf" error\b|\berror en (?:la|mi|el) {_BILL_ES}\b|\bnunca (?:fui|recibi|tuve|estuve)\b"
    ),
    "already_paid": (
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
    ),
    "insurance": (
        r"\binsur\w+|\bmedicaid\b|\bmedicare\b|\bworkers comp\w*|\bclaim\b|\bcopay\b"
        r"|\bdeductible\b"
        r"|\bmy plan (?:pays|covers|should)\b|\bshould be covered\b"
        r"|\bseguro (?:medico|dental|paga|cubre|va|debe|lo)\b|\b(?:mi|el) seguro\b"
        r"|\baseguradora\b"
    ),
    "cannot_pay": (
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
    ),
    "call_me": (
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
    ),
    "later": (
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
    ),
    "will_pay": (
        r"\b(?:i|we|ill|i ll|i m|im|she|he|will|gonna|going to|can|plan to|promise to|intend to)"
        r"(?: \w+){0,4} (?:pay|take care of (?:it|this)|send (?:it|a check|payment|the money))\b"
        r"|\b(?:pay|paying|payment)(?: \w+){0,4} (?:tomorrow|tonight|today|later|soon|next|monday"
        r"|tuesday|wednesday|thursday|friday|saturday|sunday|week|month|payday|paycheck|the"
        r" \d+\w*|on \d+)\b|\b(?:when|once|after) i get paid\b|\bi get paid\b|\bpayday\b"
        r"|\b(?:tomorrow|tonight|today|later|soon|\w+day)(?: \w+){0,3} pay\b"
        r"|\b(?:voy a|vamos a|prometo|puedo|quiero|planeo) pagar\b|\b(?:lo |la |le )?(?:pagare"
        r"|pagaremos)\b"
        r"|\bpago (?:manana|el|la|hoy|luego|despues|la proxima)\b|\bcuando (?:me paguen|cobre)\b"
    ),
    "question": (
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
    ),
    "thanks": (
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
    ),
}
# who is not there says so, whether or not they ask for another time
_AWAY = re.compile(
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
# what is written with a capital letter and is no name; nor is "Not Paid", a title
_NO_NAMES = (
    r"My|The|Sure|Able|Happy|Interested|Ready|Home|Available|Now|Today|Yet|Really|Right|Ok|Okay"
    r"|Until|Before|At|In|On|English|Spanish|Medicare|Medicaid|Covid|Fair|True|Correct|Mine|Sick|Ill"
    r"|Well|Good|Funny|Cool|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|July"
    r"|August|(?:Septem|Octo|Novem|Decem)ber|De|El|La|Bill|Money|Balance|Paciente|Patient|Cliente"
    r"|Client|(?:\w+ )?(?:Dental|Clinic\w*|Health|Medical|Hospital)"
    r"|[A-Z][a-z]*(?:ing|ed|able|ible|etic|olic|ican[oa]?|ish)"
)
# "I am not Maria": whose name it is tells the capital letter of the last word, among small ones
_NAME = (
    r"[A-Z][a-záéíóúñ]+(?: [A-Z][a-záéíóúñ]+)?(?=\s*(?:$|[.,;!?\n]|(?:and|but|sorry|any ?more|now"
    r"|y|pero)\b))"
)
_NOT_ME = re.compile(
    rf"(?:\b[Tt]his (?:is not|isn['\u2019]?t)|\b[Ii](?:['\u2019]?m| am) not|^(?:no,? )?not"
    rf"|\b[Nn]o soy|\b[Yy]o no soy) (?!I\b|(?:{_NO_NAMES})\b){_NAME}"
    rf"|\b(?:[Tt]here(?:['\u2019]?s| is)|[Ww]e have) no (?!(?:{_NO_NAMES})\b)[A-Z][a-z]+ (?:here"
    rf"|at this"
    r" number)\b|\b[Nn](?:obody|o one) (?:named|called) [A-Z][a-z]+"
    rf"|\b(?:[Dd]o not|[Dd]on['\u2019]?t) know (?:any|a) (?!(?:{_NO_NAMES})\b){_NAME}"
    rf"|\b[Nn]o conozco a (?:ning[uú]na? )?(?!(?:{_NO_NAMES})\b){_NAME}"
    rf"|\b[Aa]qu[ií] no hay ning[uú]na? {_NAME}"
)
_DEAD = re.compile(
    rf"\b(?!(?:{_NO_NAMES}|It|This|That|Phone|Battery|Line|Service|Every\w+|Nobody|Who"
    rf"|Is)\b)[A-Z][a-z]+ (?:is|has)"
    rf" dead"
    rf"(?=\s*(?:$|[.,;!?\n]))|\b(?!(?:{_NO_NAMES}|He|She|They|I|We|You|Every\w+|Nobody"
    rf"|Who)\b)[A-Z][a-z]+ passed"
    rf" (?:away|(?:on|in)"
    r" [A-Z][a-z]+|last (?:night|week|month|year)|yesterday)\b"
)
# what is not paid, or not to be, is neither a payment nor a promise
_UNPAID = re.compile(
    r"\b(?:not|n t|never|(?:hasn|haven|wasn|isn|didn|won|can|couldn|ain) ?t|should(?: have| ve)"
    r"|cannot"
    r"|refus\w+ to|supposed to (?:have|be)|no|nunca|jamas)"
    r"(?: (?:been|be|yet|even|actually|fully|ever|gotten|got|have|get|plan to|intend to|want to"
    r"|going to|gonna|voy a|vamos a"
    r"|lo|la|les?|to|able))* (?:pay|paid|paying|pagar|pague|pagare|pagaremos|pago|pagad[oa])\b"
)
# "don't call me tomorrow" asks for no call
_NO_CALL = re.compile(
    r"\b(?:do not|don t|dont|never|not|stop|quit|no)(?: please| ever| even| me| nos)*"
    r" (?:to )?(?:call|phone|ring|llam|marqu)\w*(?: (?:me|us|back|my \w+))*"
)
_FOUND = {code: re.compile(words) for code, words in _PATTERNS.items()}
_THANKFUL = frozenset(
    "\U0001f44d\U0001f64f\u2764\U0001f60a\U0001f44c\U0001f642\U0001f600\U0001f389"
)
# At what time of which day somebody wants to be called: their own words, for whoever calls.
_WHEN = re.compile(
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


def class_of(text: str, has_stopped: bool = False) -> Class | None:
    """The class of a text that came in; None where nothing was said, as by a reaction to a text of
    ours. With `has_stopped` it asks to stop as well: then only what must be heeded at once counts.
    """
    said = own_words(text)
    plain = plain_words(said)
    for each in CLASSES:
        if has_stopped and not (each.hold or each.suppresses):
            continue
        if _fits(each.code, said, plain):
            return each
        if each.code == "question" and not has_stopped and re.search(r"[?\u00bf]", said):
            return each
    if has_stopped or not said.strip():
        return None
    if _is_away(said, plain):
        return BY_CODE["later"]
    if not plain:
        return BY_CODE["thanks" if set(said) & _THANKFUL else "unknown"]
    return BY_CODE["unknown"]


def asks_for_another_time(text: str) -> bool:
    """Whether somebody wants to be called or contacted, now or at another time, whatever else they
    say.
    """
    said = own_words(text)
    plain = plain_words(said)
    is_asked = any(_fits(code, said, plain) for code in ("call_me", "later"))
    return is_asked or _is_away(said, plain)


def _is_away(said: str, plain: str) -> bool:
    """Whether somebody says that they are not there, or nothing else, and names a time."""
    is_said = _AWAY.search(plain) is not None or is_time_alone(plain)
    return is_said and names_another_time(said)


def _fits(code: str, said: str, plain: str) -> bool:
    """Whether an answer fits a class, by its words."""
    found = _FOUND.get(code)
    if found is None:
        return False
    if code == "wrong_number" and _NOT_ME.search(said):
        return True
    if code == "deceased" and _DEAD.search(said):
        return True
    if code in {"already_paid", "will_pay"}:
        return found.search(_UNPAID.sub(" ", plain)) is not None
    if code == "call_me":
        return found.search(_NO_CALL.sub(" ", plain)) is not None
    return found.search(plain) is not None and (code != "later" or names_another_time(said))


def when_of(text: str) -> str:
    """When the person wants to be called, in their words; empty where they do not say."""
    plain = plain_words(own_words(text))
    return " ".join(dict.fromkeys(found[0] for found in _WHEN.finditer(plain)))
