"""Text as a person sees it, in plain letters: look-alikes of other scripts, letters in circles and
squares, digits that stand for letters.

Sources: Unicode UTS #39, confusables.txt (https://www.unicode.org/reports/tr39/), of which the
letters that look like one of a to z; Unicode's charts for enclosed letters and regional indicators.
"""

import unicodedata

# Keyed by what they look like; those that compatibility decomposition turns into a to z are not
# listed, and capitals are looked up by their small letter.
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
# Letters in squares and circles, and those that make up flags: 26 in a row from each of these.
_ENCLOSED = (0x1F130, 0x1F150, 0x1F170, 0x1F1E6)
_LETTERS = 26
_SIGNS = {"\u2b55": "o"}  # a heavy circle
# What people write for a letter, inside a word.
_DIGITS = str.maketrans("0134578@$|!+", "oieastbaslit")


def plain_letters(text: str) -> str:
    """`text` in lower case, with a to z for all that looks like it; a symbol that is no letter
    becomes a space, marks and invisible characters go.
    """
    folded = unicodedata.normalize("NFKD", "".join(map(_unenclosed, text))).casefold()
    bare = (char for char in folded if unicodedata.category(char) not in {"Mn", "Me", "Mc", "Cf"})
    return "".join(bare).translate(_AS_PLAIN)


def _unenclosed(char: str) -> str:
    """A letter in a circle, a square, a flag or brackets as that letter; other symbols as space."""
    for first in _ENCLOSED:
        if first <= ord(char) < first + _LETTERS:
            return chr(ord("a") + ord(char) - first)
    if unicodedata.category(char)[0] != "S":
        return char
    letter = unicodedata.normalize("NFKD", char).strip("()")
    return _SIGNS.get(char) or (letter if len(letter) == 1 and letter.isalnum() else " ")


def letters_for_digits(word: str) -> str:
    """A word with letters in the place of the digits and signs that look like them: `5t0p`."""
    return word.translate(_DIGITS)


def in_its_script(text: str) -> str:
    """`text` in lower case in its own letters, words parted by single spaces: for languages that
    are not written in a to z, or not without accents. Arabic is bare of vowel signs, its alefs are
    one.
    """
    bare = "".join(" " if unicodedata.category(char)[0] == "S" else char for char in text)
    folded = unicodedata.normalize("NFKC", bare).casefold()
    shown = "".join(_shown(char) for char in folded)
    words = shown.translate(_ARABIC).split()
    return " ".join(word for word in words if not all(map(_is_mark, word)))


def _is_mark(char: str) -> bool:
    """Whether it belongs to a letter before it; one that stands alone is no word."""
    return unicodedata.category(char)[0] == "M"


_ARABIC = {ord(char): "\u0627" for char in "\u0622\u0623\u0625\u0671"} | {0x0640: None}


def _shown(char: str) -> str:
    """Letters, digits and the vowel signs of India's scripts; other marks are ornaments, unless
    they have become one with their letter.
    """
    kind = unicodedata.category(char)
    if kind == "Cf" or (kind in {"Mn", "Me"} and not "\u0900" <= char <= "\u0dff"):
        return ""
    return char if kind[0] in "LMN" else " "
