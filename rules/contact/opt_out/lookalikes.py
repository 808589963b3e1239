"""Text as a person sees it, in plain letters: look-alikes from other scripts, enclosed letters, and
digits that stand for letters.

Sources: Unicode UTS #39, confusables.txt (https://www.unicode.org/reports/tr39/), limited to the
letters that look like a to z; Unicode's charts for enclosed letters and regional indicators.
"""

import unicodedata

# Keyed by the letter they look like. Letters that compatibility decomposition maps to a to z are
# omitted, and capitals are covered by their small letter.
_LOOK_ALIKES = {
    "a": "ɑαаᎪᗅꓮ",
    "b": "ƅβвьᏏᏴᑲᖯᗷꓐꞵ",
    "c": "σсᏟᴄⲥꓚ",
    "d": "đԁᎠᏧᑯᗞᗪꓒꓓ",
    "e": "εеҽᎬⴹꓰꬲ",
    "f": "ϝքᖴẝꓝꞙꬵ",
    "g": "ƍɡԍցᏀᏳᶃꓖ",
    "h": "ηнһհᎻᏂᕼⲏꓧ",
    "i": "ıɩɪιіӏᎥꙇ",
    "j": "ʝϳјᎫᒍꓙ",
    "k": "κкᏦᛕⲕꓗ",
    "l": "łǀᏞᒪᛁⲓⳑⵏꓡꓲ",
    "m": "μϻмᎷᗰᛖⲙꓟ",
    "n": "ոռⲛꓠ",
    "o": "øθοоօଠഠဝჿዐᴏᴑⲟⵔꓳꬽ",
    "p": "ρрᏢᑭⲣꓑ",
    "q": "ԛգզⵕ",
    "r": "ʀгᎡᎱᏒᖇᴦⲅꓣꭇꭈ",
    "s": "ƽѕտᏕᏚꓢꜱ",
    "t": "τтᎢⲧꓔ",
    "u": "ʋυսሀᑌᴜꓴꞟꭎꭒ",
    "v": "νѵᏙᐯᴠⴸꓦꛟ",
    "w": "ɯѡԝաᎳᏔᴡꓪ",
    "x": "χхᕁᕽᚷⲭⵝꓫꭓ",
    "y": "ɣʏγуүყᎩᎽᶌỿⲩꓬꭚ",
    "z": "ζᏃᴢꓜ",
}
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True))
_AS_PLAIN = {ord(char): plain for plain, chars in _LOOK_ALIKES.items() for char in chars} | {
    ord(small): plain for small, plain in _SMALL_CAPITALS.items()
}
# The first code points of runs of 26 letters: in squares, in circles, and those that form flags.
_ENCLOSED = (0x1F130, 0x1F150, 0x1F170, 0x1F1E6)
_LETTERS = 26
_SIGNS = {"\u2b55": "o"}  # a heavy circle
# Digits and signs that people write instead of letters.
_DIGITS = str.maketrans("0134578@$|!+", "oieastbaslit")


def plain_letters(text: str) -> str:
    """`text` in lower case, with a to z for every look-alike; symbols that are not letters become
    spaces, marks and invisible characters are dropped.
    """
    folded = unicodedata.normalize("NFKD", "".join(map(_bare_letter, text))).casefold()
    bare = (char for char in folded if unicodedata.category(char) not in {"Mn", "Me", "Mc", "Cf"})
    return "".join(bare).translate(_AS_PLAIN)


def _bare_letter(char: str) -> str:
    """The letter inside a circle, a square, a flag or brackets; a space for other symbols."""
    for first in _ENCLOSED:
        if first <= ord(char) < first + _LETTERS:
            return chr(ord("a") + ord(char) - first)
    if unicodedata.category(char)[0] != "S":
        return char
    letter = unicodedata.normalize("NFKD", char).strip("()")
    return _SIGNS.get(char) or (letter if len(letter) == 1 and letter.isalnum() else " ")


def letters_for_digits(word: str) -> str:
    """Replace the digits and signs in a word by the letters they look like: `5t0p`."""
    return word.translate(_DIGITS)


def in_its_script(text: str) -> str:
    """`text` in lower case in its own script, words separated by single spaces: for languages not
    written in a to z, or not without accents. Arabic loses its vowel signs, and its forms of alef
    become one.
    """
    bare = "".join(" " if unicodedata.category(char)[0] == "S" else char for char in text)
    folded = unicodedata.normalize("NFKC", bare).casefold()
    shown = "".join(_visible(char) for char in folded)
    words = shown.translate(_ARABIC).split()
    return " ".join(word for word in words if not all(map(_is_mark, word)))


def _is_mark(char: str) -> bool:
    """Whether a character belongs to the letter before it; one that stands alone is not a word."""
    return unicodedata.category(char)[0] == "M"


_ARABIC = {ord(char): "\u0627" for char in "\u0622\u0623\u0625\u0671"} | {0x0640: None}


def _visible(char: str) -> str:
    """Keep letters, digits and the vowel signs of Indic scripts; drop other marks, unless they are
    composed with their letter.
    """
    kind = unicodedata.category(char)
    if kind == "Cf" or (kind in {"Mn", "Me"} and not "\u0900" <= char <= "\u0dff"):
        return ""
    return char if kind[0] in "LMN" else " "
