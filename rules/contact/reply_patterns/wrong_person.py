"""Patterns of texts that say the person has died, or the number or bill is someone else's."""

import re

from rules.contact.opt_out.words import PASSED

_KIN = (
    r"(?:husband|wife|spouse|partner|mother|mom|mum|mama|father|dad|papa|son|daughter|brother"
    r"|sister"
    r"|(?:grand|step)(?:ma|pa|mother|father|mom|dad|son|daughter)|nana|aunt|uncle|patient|esposo"
    r"|esposa|marido|mujer|madre|padre|hijo|hija|hermano|hermana|abuel[oa]|ti[oa]|paciente)"
)
_HOUSEHOLD = rf"(?:he|she|{_KIN})"
_ASIDE = (
    r"(?:perdon|perdone|disculpe|lo siento|senor|senora|amigo|hola|no|gracias|creo que|usted"
    r"|ustedes)"
)
# whose other numbers people write about
_OFFICE = (
    r"(?:clinic|office|doctor|dr|dentist|hospital|pharmacy|insurance|plan|bank|company|system"
    r"|portal|website|site|app|billing|today|it)\b"
)
DECEASED = (
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
)
WRONG_NUMBER = (
    r"\bwrong (?:phone |cell )?(?:number|person|guy|man|woman|lady|dude|phone|cell|family"
    r"|patient|no|num)\b|\b(?:have|got) the wrong$"
    r"|\b(?:not|isn t|isnt|no longer) (?:my|his|her|their|that person s) (?:phone |cell"
    r" )?(?:number|phone)\b|\bno longer (?:at|has) this number\b"
    rf"|\b(?!{_OFFICE})\w+ (?:no longer has|(?:does not|doesn t|doesnt) have) this"
    r" (?:number|phone)\b"
    rf"|\bnot the number for (?!(?:the|your|you|my|our|this|that|{_OFFICE})\b)"
    rf"|(?:^|\b(?:this|that|it) (?:is |s )?)(?:not|isn t) (?:(?!{_OFFICE})\w+ ){{1,2}}s"
    r" (?:number|phone|cell)\b"
    r"|\b(?:nobody|no one|no \w+) (?:\w+ )?(?:by|with|of) (?:that|this) name\b|\bno such"
    r" person\b"
    r"|\bnew (?:phone|number) who\b|\bjust got this (?:number|phone)\b"
    r"|\bthis (?:number|phone)(?: now)? (?:belongs to|is) (?:someone|somebody|another)\b"
    r"|\bwrong num\w*\b|\b(?:that|this)(?: is| s|s) not me\b(?! \w+ing\b)"
    r"|\b(?:does not|doesn t|doesnt) live here\b|\bno longer lives here\b"
    r"|\b(?:he|she) (?:don t|dont) live here\b"
    r"|\b(?:this|the) (?:number|phone) (?:no longer|does not|doesn t|doesnt) belongs? to (?:him"
    r"|her|them|that)\b"
    r"|(?<!\bmy )(?<!\bour )\b(?!(?:has|just|s)\b)\w+ (?:has |s |just ){0,2}changed (?:his|her)"
    r" (?:phone )?number\b"
    r"|\b(?:(?:this is|it s|its) not|(?:this|it) isn t) the right (?:number|phone|person)\b"
    r"|\bwrng (?:num\w*|person)\b"
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
    r" (?:esa persona|nadie|el|ella)\b|\b(?:aqui no vive|no vive aqui)\b"
    r"|\bya no es su (?:numero|telefono)\b"
)
# capitalised words that are not names; nor is "Not Paid", a title: NOT_ME wants a small "not"
_NO_NAMES = (
    r"My|The|Sure|Able|Happy|Interested|Ready|Home|Available|Now|Today|Yet|Really|Right|Ok|Okay"
    r"|Until|Before|At|In|On|English|Spanish|Medicare|Medicaid|Covid|Fair|True|Correct|Mine|Sick|Ill"
    r"|Well|Good|Funny|Cool|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|July"
    r"|August|(?:Septem|Octo|Novem|Decem)ber|De|El|La|Bill|Money|Balance|Paciente|Patient|Cliente"
    r"|Client|(?:\w+ )?(?:Dental|Clinic\w*|Health|Medical|Hospital)"
    r"|[A-Z][a-z]*(?:ing|ed|able|ible|etic|olic|ican[oa]?|ish)"
)
# "I am not Maria": a capitalised last word among lower-case ones is a name
_NAME = (
    r"[A-Z][a-záéíóúñ]+(?: [A-Z][a-záéíóúñ]+)?(?=\s*(?:$|[.,;!?\n]|(?:and|but|sorry|any ?more|now"
    r"|y|pero)\b))"
)
NOT_ME = re.compile(
    rf"(?:\b[Tt]his (?:is not|isn['\u2019]?t)|\b[Ii](?:['\u2019]?m| am) not|^(?:no,? )?not"
    rf"|\b[Nn]o soy|\b[Yy]o no soy) (?!I\b|(?:{_NO_NAMES})\b){_NAME}"
    rf"|\b(?:[Tt]here(?:['\u2019]?s| is)|[Ww]e have) no (?!(?:{_NO_NAMES})\b)[A-Z][a-z]+ (?:here"
    rf"|at this"
    r" number)\b|\b[Nn](?:obody|o one) (?:named|called) [A-Z][a-z]+"
    rf"|\b(?:[Dd]o not|[Dd]on['\u2019]?t) know (?:any|a) (?!(?:{_NO_NAMES})\b){_NAME}"
    rf"|\b[Nn]o conozco a (?:ning[uú]na? )?(?!(?:{_NO_NAMES})\b){_NAME}"
    rf"|\b[Aa]qu[ií] no hay ning[uú]na? {_NAME}"
)
DEAD = re.compile(
    rf"\b(?!(?:{_NO_NAMES}|It|This|That|Phone|Battery|Line|Service|Every\w+|Nobody|Who"
    rf"|Is)\b)[A-Z][a-z]+ (?:is|has)"
    rf" dead"
    rf"(?=\s*(?:$|[.,;!?\n]))|\b(?!(?:{_NO_NAMES}|He|She|They|I|We|You|Every\w+|Nobody"
    rf"|Who)\b)[A-Z][a-z]+ passed"
    rf" (?:away|(?:on|in)"
    r" [A-Z][a-z]+|last (?:night|week|month|year)|yesterday)\b"
)
