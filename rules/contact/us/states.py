"""US states by name and by postal code (the postal service's three-digit ranges)."""

import re

NAMES = {
    "ALABAMA": "AL",
    "ALASKA": "AK",
    "ARIZONA": "AZ",
    "ARKANSAS": "AR",
    "CALIFORNIA": "CA",
    "COLORADO": "CO",
    "CONNECTICUT": "CT",
    "DELAWARE": "DE",
    "DISTRICT OF COLUMBIA": "DC",
    "FLORIDA": "FL",
    "GEORGIA": "GA",
    "GUAM": "GU",
    "HAWAII": "HI",
    "IDAHO": "ID",
    "ILLINOIS": "IL",
    "INDIANA": "IN",
    "IOWA": "IA",
    "KANSAS": "KS",
    "KENTUCKY": "KY",
    "LOUISIANA": "LA",
    "MAINE": "ME",
    "MARYLAND": "MD",
    "MASSACHUSETTS": "MA",
    "MICHIGAN": "MI",
    "MINNESOTA": "MN",
    "MISSISSIPPI": "MS",
    "MISSOURI": "MO",
    "MONTANA": "MT",
    "NEBRASKA": "NE",
    "NEVADA": "NV",
    "NEW HAMPSHIRE": "NH",
    "NEW JERSEY": "NJ",
    "NEW MEXICO": "NM",
    "NEW YORK": "NY",
    "NORTH CAROLINA": "NC",
    "NORTH DAKOTA": "ND",
    "OHIO": "OH",
    "OKLAHOMA": "OK",
    "OREGON": "OR",
    "PENNSYLVANIA": "PA",
    "PUERTO RICO": "PR",
    "RHODE ISLAND": "RI",
    "SOUTH CAROLINA": "SC",
    "SOUTH DAKOTA": "SD",
    "TENNESSEE": "TN",
    "TEXAS": "TX",
    "UTAH": "UT",
    "VERMONT": "VT",
    "VIRGINIA": "VA",
    "VIRGIN ISLANDS": "VI",
    "WASHINGTON": "WA",
    "WEST VIRGINIA": "WV",
    "WISCONSIN": "WI",
    "WYOMING": "WY",
}
# ranges of the first three digits; the armed forces' codes have no state
_POSTAL = (
    "005-005 NY, 006-007 PR, 008-008 VI, 009-009 PR, 010-027 MA, 028-029 RI, 030-038 NH, "
    "039-049 ME, 050-054 VT, 055-055 MA, 056-059 VT, 060-069 CT, 070-089 NJ, 100-149 NY, "
    "150-196 PA, 197-199 DE, 200-200 DC, 201-201 VA, 202-205 DC, 206-219 MD, 220-246 VA, "
    "247-268 WV, 270-289 NC, 290-299 SC, 300-319 GA, 320-339 FL, 341-349 FL, 350-369 AL, "
    "370-385 TN, 386-397 MS, 398-399 GA, 400-427 KY, 430-459 OH, 460-479 IN, 480-499 MI, "
    "500-528 IA, 530-549 WI, 550-567 MN, 569-569 DC, 570-577 SD, 580-588 ND, 590-599 MT, "
    "600-629 IL, 630-658 MO, 660-679 KS, 680-693 NE, 700-714 LA, 716-729 AR, 730-732 OK, "
    "733-733 TX, 734-749 OK, 750-799 TX, 800-816 CO, 820-831 WY, 832-838 ID, 840-847 UT, "
    "850-865 AZ, 870-884 NM, 885-885 TX, 889-898 NV, 900-961 CA, 967-968 HI, 969-969 GU, "
    "970-979 OR, 980-994 WA, 995-999 AK"
)
_RANGES = [
    (int(first), int(last), state)
    for first, last, state in re.findall(r"(\d{3})-(\d{3}) ([A-Z]{2})", _POSTAL)
]
_POSTAL_CODE = re.compile(r"\s*(\d{5})(?:-?\d{4})?\s*")
# Manhattan, Staten Island, the Bronx, Brooklyn, Queens, and the parts of Queens with Nassau's codes
_NEW_YORK_CITY = re.compile(r"10[0-4]\d\d|11[12346]\d\d|1100[145]|11040")


def state_named(text: str) -> str:
    """The two-letter code of a state given by name or code; empty for anything else."""
    plain = " ".join(re.sub(r"[^A-Z ]", "", text.upper()).split())
    return plain if plain in NAMES.values() else NAMES.get(plain, "")


def state_of_postal_code(text: str) -> str:
    """The state of a five- or nine-digit postal code; empty for anything else."""
    found = _POSTAL_CODE.fullmatch(text)
    start = int(found[1][:3]) if found else -1
    return next((state for first, last, state in _RANGES if first <= start <= last), "")


def may_be_new_york_city(postal_code: str) -> bool:
    """Whether an address in the state of New York may be in the city. Only its postal code can rule
    that out, because few addresses in Queens name the city.
    """
    found = _POSTAL_CODE.fullmatch(postal_code)
    return found is None or bool(_NEW_YORK_CITY.fullmatch(found[1]))
