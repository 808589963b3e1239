"""Which digits a card number begins with, and how many digits it has (ISO/IEC 7812; ranges as the
networks publish them).
"""

LENGTHS = range(13, 20)

# first four digits, from and to; how many digits the whole number has
ISSUERS = (
    (4000, 4999, (13, 16, 19)),  # Visa
    (5100, 5599, (16,)),  # Mastercard
    (2221, 2720, (16,)),  # Mastercard
    (3400, 3499, (15,)),  # American Express
    (3700, 3799, (15,)),  # American Express
    (3000, 3059, range(14, 20)),  # Diners Club
    (3600, 3699, range(14, 20)),  # Diners Club
    (3800, 3999, range(14, 20)),  # Diners Club
    (3528, 3589, range(16, 20)),  # JCB
    (8100, 8199, range(16, 20)),  # UnionPay
    (5000, 5099, LENGTHS),  # Maestro
    (5600, 6999, LENGTHS),  # Maestro; and Discover (6011, 644-65) and UnionPay (62), 16 to 19
)


def lengths_of(first_four: int) -> frozenset[int]:
    """The possible lengths of a card number with these first four digits; empty if no network uses
    them.
    """
    return frozenset(
        length
        for first, last, lengths in ISSUERS
        if first <= first_four <= last
        for length in lengths
    )
