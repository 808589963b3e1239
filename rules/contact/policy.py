"""Every rule about contacting people, dated and with its source: the table that counsel reads and
the gate applies.

`docs/contact-rules.md` is generated from it. When a rule changes it gets an end date, and its
successor is a new entry, so that past decisions can still be explained. The figures are
non-lawyers' reading of the law in November 2026; counsel of the business that uses this must
approve them.

`certainty`: high (read in the source), medium (read in reports about it, or open to
interpretation), low. `kept_by`: what enforces the rule: the gate itself, or the part of the code
named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Channel = Literal["sms", "voice"]
Party = Literal["first", "third"]
Certainty = Literal["high", "medium", "low"]
Kind = Literal["hours", "cap", "cool_down", "minimum_age", "hold", "condition", "duty"]

GATE = "the gate"
CALLS = "the payments member's words"
BOTH: tuple[Channel, ...] = ("sms", "voice")
WAYS: dict[str, str] = {"sms": "texts", "voice": "calls"}  # in words
ANY_PARTY: tuple[Party, ...] = ("first", "third")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One rule. Empty `states` means everywhere; with `cities` only there. `starts` and `ends` are
    its first and last day in force; None means unbounded. `numbers` are its parameters: hours are
    local; `most` and `days` are a cap's (per `scope`, of what it `counts`); with `debt_days` the
    rule applies only to a debt that has been due for longer.

    `code` is the gate's refusal, if the gate enforces the rule. The window of a cap of several days
    is longer by EXTRA_HOURS, for the night in which clocks go back.
    """

    id: str
    kind: Kind
    what: str
    source: str
    certainty: Certainty
    code: str = ""
    kept_by: str = GATE
    states: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = BOTH
    parties: tuple[Party, ...] = ANY_PARTY
    starts: date | None = None
    ends: date | None = None
    scope: Literal["", "person", "debt"] = ""
    counts: Literal["connected", "begun"] = "connected"
    numbers: Mapping[str, int] = field(default_factory=dict)

    def in_force(self, first: date, last: date) -> bool:
        """Whether the rule is in force on any day from `first` to `last`."""
        return (self.starts is None or self.starts <= last) and (
            self.ends is None or self.ends >= first
        )


CITY_IN_FORCE = date(2026, 9, 1)
HOURS = {"opens": 8, "closes": 21}
DAY_HOURS, EXTRA_HOURS = 24, 1

RULES: tuple[Rule, ...] = (
    # conditions of the person, which waiting does not change
    Rule(
        id="revocation",
        kind="condition",
        what="A person may revoke consent by any reasonable means; it takes effect at once (the law"
        " allows ten business days) and for every channel unless they name one.",
        source="47 CFR 64.1200(a)(10)",
        certainty="high",
        code="opted_out",
    ),
    Rule(
        id="revocation.all_topics",
        kind="condition",
        what="One revocation covers every topic of a caller. Delayed by the order of 6 January"
        " 2026; already applied here.",
        source="47 CFR 64.1200(a)(10), last sentence",
        certainty="high",
        code="opted_out",
        starts=date(2027, 1, 31),
    ),
    Rule(
        id="hold.deceased",
        kind="hold",
        what="Nobody is contacted about the debt of a person who has died.",
        source="12 CFR 1006.6, 1006.14; house policy for first parties",
        certainty="medium",
        code="deceased",
    ),
    Rule(
        id="hold.bankruptcy",
        kind="hold",
        what="A bankruptcy stays every act to collect.",
        source="11 USC 362(a)(6)",
        certainty="medium",
        code="bankruptcy",
    ),
    Rule(
        id="hold.attorney",
        kind="hold",
        what="A person with an attorney is contacted through the attorney only.",
        source="12 CFR 1006.6(b)(2); Cal. Civ. Code 1788.14(c)",
        certainty="medium",
        code="attorney_represented",
    ),
    Rule(
        id="hold.ppdr",
        kind="hold",
        what="While a patient's dispute of a bill at least $400 above the good-faith estimate is"
        " open, nothing is collected or threatened, and no late fee runs (No Surprises Act).",
        source="45 CFR 149.620",
        certainty="medium",
        code="ppdr_open",
    ),
    Rule(
        id="hold.dispute",
        kind="hold",
        what="A person who says that a bill is wrong or not theirs is not asked to pay it until"
        " that has been reviewed. They may be answered.",
        source="12 CFR 1006.38(d)(2); 6 RCNY 5-77; house policy for first parties",
        certainty="medium",
        code="bill_disputed",
    ),
    Rule(
        id="hold.insurance",
        kind="hold",
        what="While an appeal at the insurer is pending, the patient is not asked to pay. A duty in"
        " New Jersey; applied everywhere.",
        source="N.J. Louisa Carman Medical Debt Relief Act",
        certainty="medium",
        code="insurance_appeal",
    ),
    Rule(
        id="hold.hardship",
        kind="hold",
        what="While a request for help with the bill is under review, it is not collected. The"
        " person may be answered.",
        source="house policy (26 CFR 1.501(r)-6 for charitable hospitals)",
        certainty="medium",
        code="hardship",
    ),
    Rule(
        id="hold.other",
        kind="hold",
        what="The clinic has asked that this person not be contacted.",
        source="house policy",
        certainty="high",
        code="on_hold",
    ),
    Rule(
        id="hold.later",
        kind="hold",
        what="A person who asks to be contacted at another time is not contacted until then. They"
        " may be answered. Of several times the latest counts; only staff can end it sooner.",
        source="12 CFR 1006.6(b)(1)(i), an inconvenient time; house policy for first parties",
        certainty="medium",
        code="asked_for_later",
    ),
    Rule(
        id="confidential_communication",
        kind="condition",
        what="A reasonable request for another number or channel is honoured without asking why; it"
        " overrides any other choice.",
        source="45 CFR 164.522(b)",
        certainty="high",
        code="contact_request",
    ),
    Rule(
        id="suppression",
        kind="condition",
        what="A number is not used if it is wrong, if it is at a workplace whose employer forbids"
        " it, or if it cannot receive the message.",
        source="12 CFR 1006.6(b)(3), 1006.14(h); carriers' answers",
        certainty="medium",
        code="suppressed",
    ),
    Rule(
        id="consent",
        kind="condition",
        what="An automated text and a call by an artificial voice need the person's prior express"
        " consent to that channel for that number. A number given to the clinic supports it, for"
        " this creditor only; another number needs its own.",
        source="47 USC 227(b)(1)(A); FCC 24-17 (an agency's view since McLaughlin v. McKesson,"
        " 2025); the exemption for health care leaves billing out",
        certainty="high",
        code="no_consent",
    ),
    Rule(
        id="consent.age",
        kind="condition",
        what="A consent older than the account's policy allows is not relied on. No law sets a"
        " limit, so there is none by default.",
        source="house policy",
        certainty="high",
        code="consent_too_old",
    ),
    Rule(
        id="consent.written_for_offers",
        kind="condition",
        what="A text with an offer (pay early and save) is a solicitation: only with written"
        " consent.",
        source="Texas SB 140; 47 CFR 64.1200(a)(2); small TCPAs of other states",
        certainty="medium",
        code="no_written_consent",
    ),
    Rule(
        id="number.reassigned",
        kind="condition",
        what="If a number has changed hands, its consent is void; a later consent counts.",
        source="47 CFR 64.1200(m); 12 CFR 1006.6(d)(5)",
        certainty="high",
        code="number_reassigned",
    ),
    Rule(
        id="number.checked",
        kind="condition",
        what="If a lookup of reassigned numbers is configured: before the first contact, and again"
        " once consent and last lookup are older than the policy's age. No data, or an error, is no"
        " answer: `number_not_known`.",
        source="47 CFR 64.1200(m)(4) (safe harbour)",
        certainty="high",
        code="number_not_checked",
    ),
    Rule(
        id="carrier.third_party",
        kind="condition",
        what="Carriers forbid texts about a debt owed to anyone but their sender, whatever the"
        " consent. What was refused for this reason cannot be submitted again.",
        source="Twilio errors 30943, 30863, 30460; CTIA messaging principles",
        certainty="high",
        code="third_party_sms",
        channels=("sms",),
        parties=("third",),
    ),
    Rule(
        id="voice.third_party",
        kind="condition",
        what="The assistant makes no calls for a collector: it neither identifies itself as one nor"
        " sends the validation notice. A person who calls by hand must do both.",
        source="12 CFR 1006.18(e), 1006.34",
        certainty="medium",
        code="third_party_call",
        channels=("voice",),
        parties=("third",),
    ),
    Rule(
        id="voice.california",
        kind="condition",
        what="A natural voice introduces an automated call and asks whether it may be played.",
        source="Cal. Pub. Util. Code 2874; AB 2905",
        certainty="medium",
        code="natural_voice_required",
        states=("CA",),
        channels=("voice",),
    ),
    Rule(
        id="sender.registered",
        kind="condition",
        what="Texts are sent from the clinic's own sender, which is registered with the carriers.",
        source="10DLC; Twilio error 30034",
        certainty="high",
        code="sender_unregistered",
        channels=("sms",),
    ),
    # conditions of time
    Rule(
        id="promise",
        kind="condition",
        what="A person who has promised to pay by a day is not asked to pay until that day and a"
        " day of grace are over. The day is at most sixty days ahead.",
        source="house policy",
        certainty="high",
        code="promised",
        scope="debt",
        numbers={"grace_days": 1, "farthest_days": 60},
    ),
    Rule(
        id="hours",
        kind="hours",
        what="Nobody is contacted before 8:00 or after 21:00 in any zone where they may be: that of"
        " the number, and that of the address. Binding for third parties, applied to all.",
        source="12 CFR 1006.6(b)(1)(i)",
        certainty="high",
        code="quiet_hours",
        numbers=HOURS,
    ),
    Rule(
        id="hours.florida",
        kind="hours",
        what="Creditors too: nobody contacts a debtor between 21:00 and 8:00.",
        source="Fla. Stat. 559.72(17)",
        certainty="high",
        code="quiet_hours",
        states=("FL",),
        numbers=HOURS,
    ),
    Rule(
        id="hours.california",
        kind="hours",
        what="Original creditors and medical bills included: 8:00 to 21:00.",
        source="Cal. Civ. Code 1788.17 (Rosenthal Act)",
        certainty="high",
        code="quiet_hours",
        states=("CA",),
        numbers=HOURS,
    ),
    Rule(
        id="quiet_days",
        kind="condition",
        what="Nobody is contacted on days that the account has chosen.",
        source="house policy",
        certainty="high",
        code="quiet_day",
    ),
    Rule(
        id="age.new_jersey",
        kind="minimum_age",
        what="No collection action within 120 days of the first bill. A friendly reminder is not"
        " one. Nor before a payment plan has been offered, which the clinic must see to. Interest"
        " at most 3 %: nothing here adds any.",
        source="N.J. Louisa Carman Medical Debt Relief Act",
        certainty="medium",
        code="debt_too_young",
        states=("NJ",),
        numbers={"days": 120},
    ),
    Rule(
        id="age.washington",
        kind="minimum_age",
        what="No collection action within 120 days of the first bill. A friendly reminder is not"
        " one.",
        source="RCW 19.16.250",
        certainty="medium",
        code="debt_too_young",
        states=("WA",),
        numbers={"days": 120},
    ),
    Rule(
        id="cool_down",
        kind="cool_down",
        what="After a conversation about a debt no call about it for seven days; the day of the"
        " conversation is the first.",
        source="12 CFR 1006.14(b)(2)(i)(B)",
        certainty="high",
        code="recent_conversation",
        channels=("voice",),
        scope="debt",
        numbers={"days": 7},
    ),
    Rule(
        id="cap.day",
        kind="cap",
        what="At most three contacts with a person in 24 hours.",
        source="house policy",
        certainty="high",
        code="person_cap",
        scope="person",
        numbers={"most": 3, "days": 1},
    ),
    Rule(
        id="cap",
        kind="cap",
        what="At most seven call attempts about a debt in seven consecutive days. Calls that never"
        " connected and calls the person has asked for within seven days do not count.",
        source="12 CFR 1006.14(b)(2)(i)(A), (b)(3)",
        certainty="high",
        code="debt_cap",
        channels=("voice",),
        scope="debt",
        numbers={"most": 7, "days": 7},
    ),
    Rule(
        id="cap.massachusetts",
        kind="cap",
        what="Creditors too: at most two calls begun about a debt in seven days, connected or not.",
        source="940 CMR 7.04(1)(f)",
        certainty="high",
        code="debt_cap",
        states=("MA",),
        channels=("voice",),
        counts="begun",
        scope="debt",
        numbers={"most": 2, "days": 7},
    ),
    Rule(
        id="cap.new_york_city.agencies",
        kind="cap",
        what="Collection agencies: at most three contacts about a debt in seven days.",
        source="6 RCNY 5-77 as it stood",
        certainty="medium",
        code="debt_cap",
        states=("NY",),
        cities=("New York",),
        parties=("third",),
        ends=date(2026, 8, 31),
        scope="debt",
        numbers={"most": 3, "days": 7},
    ),
    Rule(
        id="cap.new_york_city",
        kind="cap",
        what="Creditors once collecting, too: at most three contacts about a debt in seven days,"
        " over all channels. It may be disputed at any time, also by voice.",
        source="6 RCNY 5-77 as amended",
        certainty="medium",
        code="debt_cap",
        states=("NY",),
        cities=("New York",),
        starts=CITY_IN_FORCE,
        scope="debt",
        numbers={"most": 3, "days": 7},
    ),
    Rule(
        id="cap.washington",
        kind="cap",
        what="Collection agencies: at most three contacts with a person in a week.",
        source="RCW 19.16.250(13)",
        certainty="high",
        code="person_cap",
        states=("WA",),
        parties=("third",),
        scope="person",
        numbers={"most": 3, "days": 7},
    ),
    Rule(
        id="cap.district_of_columbia",
        kind="cap",
        what="Medical debt due for more than 30 days: at most three calls to a person in seven"
        " days, over all numbers and debts.",
        source="D.C. Code 28-3814",
        certainty="medium",
        code="person_cap",
        states=("DC",),
        channels=("voice",),
        scope="person",
        numbers={"most": 3, "days": 7, "debt_days": 30},
    ),
    # duties that other code enforces
    Rule(
        id="consent.record",
        kind="duty",
        what="A consent is kept with number, party, source, its words and their version, time and"
        " channels; consents and contacts for at least three years.",
        source="47 CFR 64.1200(a); 12 CFR 1006.100",
        certainty="medium",
        kept_by="`models/contact/consent.py`; nothing deletes them",
    ),
    Rule(
        id="sms.stop_words",
        kind="duty",
        what="STOP, STOPALL, QUIT, END, REVOKE, OPT OUT, OPTOUT, CANCEL, UNSUBSCRIBE and plain"
        " words stop texts; START allows them, HELP explains.",
        source="47 CFR 64.1200(a)(10); CTIA",
        certainty="high",
        channels=("sms",),
        kept_by="`rules/contact/opt_out/words.py`",
    ),
    Rule(
        id="sms.confirmation",
        kind="duty",
        what="One confirmation of an opt-out within five minutes, and no text after it. Twilio"
        " sends it, so Payphone does not.",
        source="47 CFR 64.1200(a)(12)",
        certainty="high",
        channels=("sms",),
        kept_by="Twilio",
    ),
    Rule(
        id="sms.opt_out_line",
        kind="duty",
        what="Each text says how to opt out.",
        source="12 CFR 1006.6(e)",
        certainty="medium",
        channels=("sms",),
        kept_by="`rules/contact/templates.py`",
    ),
    Rule(
        id="third_party.disclosures",
        kind="duty",
        what="A collector identifies itself as one, and sends the validation notice.",
        source="12 CFR 1006.18(e), 1006.34",
        certainty="medium",
        parties=("third",),
        kept_by="the business: texts and the assistant's calls are refused",
    ),
    Rule(
        id="voice.opening",
        kind="duty",
        what="A call begins with the business's registered name, says that the voice is an AI, and"
        " offers opting out by voice and keypad; a callback number is given. All-party consent"
        " states require notice of recording, so every caller gets it.",
        source="47 CFR 64.1200(b); Utah Code 13-2-12; Maine LD 1727",
        certainty="high",
        channels=("voice",),
        kept_by=CALLS,
    ),
    Rule(
        id="voice.ai_notice",
        kind="duty",
        what="A separate consent to AI calls, and a notice in the call: proposed in 2024, not in"
        " force.",
        source="FCC 24-84",
        certainty="medium",
        channels=("voice",),
        kept_by=CALLS,
    ),
    Rule(
        id="privacy",
        kind="duty",
        what="No mention of a debt before the right person is verified; a voicemail says name and"
        " callback number only; no health information in texts, Stripe's metadata, jobs or logs.",
        source="12 CFR 1006.6(d), 1006.2(j); 45 CFR 164.502(b)",
        certainty="medium",
        kept_by="`rules/contact/templates.py`, `runtime/log.py`",
    ),
    Rule(
        id="hipaa.payment",
        kind="duty",
        what="Contact about payment is a permitted use, limited to the minimum necessary.",
        source="45 CFR 164.501, 164.502(b)",
        certainty="high",
        kept_by="`rules/contact/templates.py`",
    ),
    Rule(
        id="project",
        kind="duty",
        what="An invoice's project is a reference, never a treatment.",
        source="45 CFR 164.502(b)",
        certainty="high",
        kept_by="`rules/contact/templates.py` has no placeholder for it; Stripe and callers are"
        " given it only if `sendProject` is on",
    ),
    Rule(
        id="card_numbers",
        kind="duty",
        what="No card number is taken by voice or API, stored or logged.",
        source="PCI DSS, SAQ A",
        certainty="medium",
        kept_by="`rules/cards/card_numbers.py`",
    ),
    Rule(
        id="new_york.card_notice",
        kind="duty",
        what="Before a card is taken or kept the patient is told what paying medical costs by card"
        " means; no card on file as a condition of necessary care.",
        source="N.Y. Gen. Bus. Law 519-a",
        certainty="high",
        states=("NY",),
        starts=date(2024, 10, 20),
        kept_by="`rules/contact/card_notice.py`: the pay page and the card form show it to anyone"
        " who may live there; for cards taken otherwise, the clinic",
    ),
    Rule(
        id="interest.virginia",
        kind="duty",
        what="No interest for 90 days, then at most 3 %.",
        source="Virginia, for large facilities and some dental care",
        certainty="high",
        states=("VA",),
        kept_by="nothing here adds interest or fees to an invoice",
    ),
    Rule(
        id="credit_reporting",
        kind="duty",
        what="Medical debt and credit reports: the federal rule was vacated in July 2025; states"
        " differ.",
        source="the federal rule of 2025, vacated by a court in Texas",
        certainty="high",
        kept_by="nothing here reports to a credit bureau",
    ),
)

BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}
HOLD_KINDS = tuple(rule.id.removeprefix("hold.") for rule in RULES if rule.kind == "hold")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a contact: if `connected` it counts towards caps, a `conversation` starts the
    cool-down.
    """

    connected: bool
    conversation: bool
    what: str

    def counts_as(self, counts: Literal["connected", "begun"]) -> bool:
        """Whether a cap counts it; a call that was not placed was never begun."""
        return self.connected if counts == "connected" else self is not OUTCOMES["not_placed"]

    @property
    def counted(self) -> tuple[bool, bool]:
        """Whether it counts towards caps, and whether it starts the cool-down."""
        return self.connected, self.conversation


# 12 CFR 1006.14(b)(3)(ii) and its commentary: a call that rings or reaches a mailbox has connected.
OUTCOMES: dict[str, Outcome] = {
    "sent": Outcome(True, False, "a text left, or may have left"),
    "dead_line": Outcome(False, False, "the number is not in service"),
    "busy": Outcome(False, False, "a busy line"),
    "no_answer": Outcome(True, False, "it rang, and nobody answered"),
    "voicemail": Outcome(True, False, "a mailbox answered"),
    "somebody_else": Outcome(True, False, "another person answered"),
    "not_placed": Outcome(False, False, "the call was not placed"),
    "silent": Outcome(True, True, "somebody answered, and nobody spoke"),
    "broke_off": Outcome(True, True, "the call broke off, perhaps after somebody answered"),
    "hung_up": Outcome(True, True, "the person answered and hung up"),
    "spoke": Outcome(True, True, "the person was spoken to"),
    "promised": Outcome(True, True, "the person promised to pay"),
    "paid": Outcome(True, True, "the person paid during the call"),
    "paid_by_link": Outcome(True, True, "the person paid by the link that they were given in it"),
    "in_doubt": Outcome(True, True, "it is not known how the call ended"),
}


def outcome_of(name: str) -> Outcome:
    """Look up an outcome; an unknown one is treated as the strictest."""
    return OUTCOMES.get(name, OUTCOMES["in_doubt"])
