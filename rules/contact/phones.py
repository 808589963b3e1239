"""Phone numbers, parsed the same way everywhere: API, import, consents, opt-outs, senders, payers.

A number is either understood and returned in E.164, or refused with the reason, what is accepted
and what to do. Nothing is guessed or dropped: a letter would become a digit of a stranger's number,
an extension would reach a switchboard, and seven digits are someone's number in every area code. A
number without a country code is read in a region (the US by default).

Sources: libphonenumber's metadata for what is valid; its FAQ for what is only possible. NANPA
(https://www.nanpa.com) for what it leaves out: N11 exchanges are services, 976 is pay-per-call,
555-1212 is directory assistance. 555-0100 to 555-0199 are reserved for fiction and assigned to
nobody, so they pass.
"""

import re
import unicodedata

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, ValidationResult, shortnumberinfo

HOME_REGION = "US"
NO_COUNTRY = "001"  # libphonenumber's region for satellites and international networks
ACCEPTED = "one whole number such as +12025550123 is accepted"

_MOST_DIGITS = 15  # the E.164 maximum, country code included
# Fewer digits are a service's number: short codes have up to six without a country code, but some
# islands' numbers have only five after one.
_FEWEST_AT_HOME, _FEWEST_ABROAD = 7, 5
# Invisible, meaningless characters that are copied along from address books and web pages.
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufe0e\ufe0f"))
_INVISIBLE |= dict.fromkeys([0x202A, 0x202C, 0x202D, 0x2066, 0x2067, 0x2068, 0x2069])
_SEPARATORS = frozenset("+()-./ ")
_EXTENSION = re.compile(
    r"(?i)(?:#|,|;|\*|\b(?:ext|extn|extension|interno|int|anexo|poste|durchwahl|dw|доб)\b|x)"
    r"[\s.:=]*\d*\s*$|;\s*ext\s*="
)
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d{1,2}")
_URI = re.compile(r"(?i)tel:\s*")
# Test numbers of Twilio (https://www.twilio.com/docs/iam/test-credentials) and of the stand-in.
# Area code 500 is refused otherwise, but its exchange 555 is unassigned, so these can reach no
# person by mistake.
_TWILIO_TEST = re.compile(r"\+1500555\d{4}")
_COSTLY = {
    PhoneNumberType.PREMIUM_RATE: "is a premium-rate number, which charges the caller",
    PhoneNumberType.SHARED_COST: "is a shared-cost number, which charges the caller",
    PhoneNumberType.PERSONAL_NUMBER: (
        "is a follow-me number (such as area code 500), which charges the caller"
    ),
    PhoneNumberType.PAGER: "is a pager, which cannot receive texts or calls",
    PhoneNumberType.VOICEMAIL: "is a voicemail access number, not a person's",
}


class BadPhone(ValueError):
    """A text is not a usable phone number; the message says why, what is accepted, and what
    to do.
    """

    def __init__(self, wrong: str, todo: str) -> None:
        super().__init__(f"{wrong}; {ACCEPTED}; {todo}")


def read_phone(text: str, region: str = HOME_REGION) -> str:
    """Return the number in E.164. `region`: the region of a number without a country code. Raises
    BadPhone, whose message never repeats the text.
    """
    plain = _plain(text)
    number = _parsed(plain, region)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    _refuse_rewritten(plain, number)
    if number.country_code == 1:
        _refuse_special(e164, plain)
    _refuse_costly(e164, number)
    return e164


def phone_or_empty(text: str) -> str:
    """The number in E.164, or '' if the text is not a person's number."""
    try:
        return read_phone(text)
    except BadPhone:
        return ""


def _plain(text: str) -> str:
    """The text in ASCII digits and separators, with an optional plus sign. Raises BadPhone."""
    plain = "".join(map(_ascii, text.translate(_INVISIBLE))).strip()
    plain = _URI.sub("", plain, count=1) if _URI.match(plain) else plain
    digits = sum(map(str.isdigit, plain))
    if not digits and not any(map(str.isalpha, plain)):
        raise BadPhone("has no digits", "enter the number, or leave the field out")
    if _SCIENTIFIC.fullmatch(plain):
        raise BadPhone(
            "is in a spreadsheet's scientific notation, which loses digits",
            "format the column as text and enter the number again",
        )
    if _EXTENSION.search(plain):
        raise BadPhone(
            "has an extension or dialling code, which cannot be reached by text",
            "enter a direct number without it",
        )
    if any(map(str.isalpha, plain)):
        raise BadPhone("has letters in it", "write every digit as a digit, and nothing else")
    strange = set(plain) - _SEPARATORS - set("0123456789")
    if strange:
        raise BadPhone(
            f"has a character that no phone number contains (U+{ord(min(strange)):04X})",
            "remove it",
        )
    _refuse_misplaced(plain)
    if digits > _MOST_DIGITS:
        raise BadPhone(
            f"has {digits} digits, more than the {_MOST_DIGITS} of any number",
            "keep one number, without an extension",
        )
    return plain


def _ascii(char: str) -> str:
    """Normalise a character: digits of every script to 0-9, dashes to hyphens, spaces to spaces,
    wide signs to plain ones. Superscripts stay, because they are footnotes rather than digits.
    """
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    kind = unicodedata.category(char)
    if kind == "Pd" or char == "\u2212":
        return "-"
    if kind == "Zs" or char == "\t":
        return " "
    return char if kind == "No" else unicodedata.normalize("NFKC", char)


def _refuse_misplaced(plain: str) -> None:
    if plain.count("+") > 1:
        raise BadPhone("has more than one plus sign", "keep one number with one plus sign first")
    if "+" in plain and not re.match(r"\(?\+", plain):
        raise BadPhone("has a plus sign that is not its first character", "put it first")
    if plain.startswith(("-", ".", "/")):
        raise BadPhone("begins with a separator, so digits may be missing", "enter it in full")


def _parsed(plain: str, region: str) -> PhoneNumber:
    """The parsed number, valid in its region. Raises BadPhone."""
    abroad, digits = "+" in plain, re.sub(r"\D", "", plain)
    if not abroad:
        _refuse_short(digits, region, _FEWEST_AT_HOME)
        if re.match("00[1-9]", digits) and region == HOME_REGION:
            raise BadPhone(
                "begins with 00, which is not an international prefix in the US",
                "write a plus sign in its place",
            )
    try:
        number = phonenumbers.parse(plain, None if abroad else region)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise BadPhone(
                "has no country code that exists", "write + and the country code, +1 for the US"
            ) from None
        raise BadPhone("is too short", "enter it in full, with its area code") from None
    where = phonenumbers.region_code_for_country_code(number.country_code or 0)
    if abroad:
        _refuse_short(digits.removeprefix(str(number.country_code)), where, _FEWEST_ABROAD)
    _refuse_impossible(number, where)
    return number


def _refuse_short(national: str, region: str, least: int) -> None:
    """Refuse emergency and service numbers."""
    if shortnumberinfo.is_emergency_number(national, region):
        raise BadPhone("is an emergency number, not a person's", "enter a person's number in full")
    if len(national) < least:
        raise BadPhone("is a short number, not a person's", "enter a person's number in full")


def _refuse_impossible(number: PhoneNumber, where: str) -> None:
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise BadPhone("lacks its area code, so it is a number in many places", "add the area code")
    if reason == ValidationResult.TOO_SHORT:
        raise BadPhone("is too short", "enter it in full, with its area code")
    if reason == ValidationResult.TOO_LONG:
        raise BadPhone(
            "is too long",
            "remove the excess digits; for a number abroad write + and its country code",
        )
    if not phonenumbers.is_valid_number(number):
        raise BadPhone(
            f"is not in any range in use in {'any country' if where == '001' else where}",
            "check it with the person; for a number abroad write + and its country code",
        )


def _refuse_rewritten(plain: str, number: PhoneNumber) -> None:
    """Refuse a number that is valid only because the library dropped digits: it may be another's.

    Only a trunk prefix may be dropped: one zero after the country code ("+44 (0)20 …").
    """
    typed = re.sub(r"\D", "", plain)
    code = str(number.country_code)
    bare = phonenumbers.national_significant_number(number)
    if "+" in plain and typed not in {code + bare, f"{code}0{bare}"}:
        raise BadPhone("has too many digits after its country code", "remove them")


def _refuse_special(e164: str, plain: str) -> None:
    """Refuse numbers of the North American plan that libphonenumber wrongly accepts as a
    person's.
    """
    exchange, line = e164[5:8], e164[8:]
    if (exchange, line) == ("555", "1212"):
        raise BadPhone("is directory assistance, not a person's number", "enter the person's own")
    if exchange == "976":
        raise BadPhone(
            "is a premium-rate number (976), which charges the caller",
            "enter another number of the person",
        )
    if exchange.endswith("11"):
        raise BadPhone(
            f"has the exchange {exchange}, which is a service's, not a person's",
            "check it with the person",
        )
    groups = re.findall(r"\d+", plain)
    if len(groups) > 1 and len(groups[-1]) in {1, 3}:
        raise BadPhone(
            "ends in a group of digits that looks like an extension of a number without area code",
            "write it as +1, area code and seven digits",
        )


def _refuse_costly(e164: str, number: PhoneNumber) -> None:
    wrong = _COSTLY.get(phonenumbers.number_type(number))
    if phonenumbers.region_code_for_number(number) == NO_COUNTRY:
        wrong = wrong or "belongs to no country, such as a satellite number, and charges the caller"
    if wrong and not _TWILIO_TEST.fullmatch(e164):
        raise BadPhone(wrong, "enter another number of the person")
