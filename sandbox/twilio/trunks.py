"""Elastic SIP trunks: created, listed, deleted; the logins they accept and where they send calls.

Twilio does not publish the codes with which it refuses a domain that is taken, or a list that a
trunk still uses; those here are our own.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid, missing
from sandbox.twilio.parameters import Form

DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.pstn\.twilio\.com")
HOST = "https://trunking.twilio.com/v1/Trunks"
USUAL_PAGE = 50


def create(books: Books, account: str, form: Form) -> Json:
    """``POST /v1/Trunks``; domains are unique in all of Twilio."""
    domain = form.get("DomainName") or None
    if domain is not None and not DOMAIN.fullmatch(domain):
        raise invalid(20001, f"DomainName {domain} must end in .pstn.twilio.com")
    taken = {row["domain_name"] for row in books.trunks.values()} | books.taken
    if domain is not None and domain in taken:
        raise invalid(21248, f"The domain name {domain} is already in use")
    sid, date = books.sid("TK"), iso(books.date())
    made: Json = {
        "account_sid": account,
        "domain_name": domain,
        "disaster_recovery_method": form.get("DisasterRecoveryMethod"),
        "disaster_recovery_url": form.get("DisasterRecoveryUrl"),
        "friendly_name": form.get("FriendlyName", ""),
        "secure": form.get("Secure") == "true",
        "recording": {"mode": "do-not-record", "trim": "do-not-trim"},
        "transfer_mode": form.get("TransferMode", "disable-all"),
        "transfer_caller_id": form.get("TransferCallerId", "from-transferee"),
        "cnam_lookup_enabled": form.get("CnamLookupEnabled") == "true",
        "auth_type": "",
        "symmetric_rtp_enabled": form.get("SymmetricRtpEnabled") == "true",
        "auth_type_set": [],
        "date_created": date,
        "date_updated": date,
        "sid": sid,
        "url": f"{HOST}/{sid}",
        "links": {},
    }
    books.trunks[sid] = made
    books.private[sid] = {"lists": {}, "urls": {}}
    return made


def retrieve(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET /v1/Trunks/{Sid}``."""
    found = books.trunks.get(sid)
    if found is None or found["account_sid"] != account:
        raise missing(f"/v1/Trunks/{sid}")
    return found


def index(books: Books, account: str, form: Form) -> Json:
    """``GET /v1/Trunks``."""
    rows = [dict(row) for row in books.trunks.values() if row["account_sid"] == account]
    return page_of(rows, "trunks", HOST, form)


def delete(books: Books, account: str, form: Form, sid: str) -> None:
    """``DELETE /v1/Trunks/{Sid}``, with everything that belongs to it."""
    retrieve(books, account, form, sid)
    del books.trunks[sid]
    del books.private[sid]


def attach_credential_list(books: Books, account: str, form: Form, sid: str) -> Json:
    """``POST /v1/Trunks/{TrunkSid}/CredentialLists``."""
    trunk = retrieve(books, account, form, sid)
    list_sid = form.get("CredentialListSid", "")
    known = books.login_lists.get(list_sid)
    if known is None or known["account_sid"] != account:
        raise missing(f"/v1/Trunks/{sid}/CredentialLists/{list_sid}")
    if list_sid in books.private[sid]["lists"]:
        raise invalid(21246, f"{list_sid} is associated with this trunk already")
    date = iso(books.date())
    made: Json = {
        "account_sid": account,
        "sid": list_sid,
        "trunk_sid": sid,
        "friendly_name": known["friendly_name"],
        "date_created": date,
        "date_updated": date,
        "url": f"{HOST}/{sid}/CredentialLists/{list_sid}",
    }
    books.private[sid]["lists"][list_sid] = made
    trunk.update(auth_type="CREDENTIAL_LIST", auth_type_set=["CREDENTIAL_LIST"])
    return made


def attached_credential_lists(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET /v1/Trunks/{TrunkSid}/CredentialLists``."""
    retrieve(books, account, form, sid)
    rows = [dict(row) for row in books.private[sid]["lists"].values()]
    return page_of(rows, "credential_lists", f"{HOST}/{sid}/CredentialLists", form)


def set_origination_url(books: Books, account: str, form: Form, sid: str) -> Json:
    """``POST /v1/Trunks/{TrunkSid}/OriginationUrls``."""
    retrieve(books, account, form, sid)
    for name in ("Weight", "Priority", "Enabled", "FriendlyName", "SipUrl"):
        if not form.get(name):
            raise invalid(20001, f"{name} is required")
    _check_sip(form["SipUrl"])
    url_sid, date = books.sid("OU"), iso(books.date())
    made: Json = {
        "account_sid": account,
        "sid": url_sid,
        "trunk_sid": sid,
        "weight": int(form["Weight"]),
        "enabled": form["Enabled"] == "true",
        "sip_url": form["SipUrl"],
        "friendly_name": form["FriendlyName"],
        "priority": int(form["Priority"]),
        "date_created": date,
        "date_updated": date,
        "url": f"{HOST}/{sid}/OriginationUrls/{url_sid}",
    }
    books.private[sid]["urls"][url_sid] = made
    return made


def origination_urls(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET /v1/Trunks/{TrunkSid}/OriginationUrls``."""
    retrieve(books, account, form, sid)
    rows = [dict(row) for row in books.private[sid]["urls"].values()]
    return page_of(rows, "origination_urls", f"{HOST}/{sid}/OriginationUrls", form)


def change_address(books: Books, account: str, form: Form, sid: str, url_sid: str) -> Json:
    """``POST /v1/Trunks/{TrunkSid}/OriginationUrls/{Sid}``."""
    retrieve(books, account, form, sid)
    found: Json | None = books.private[sid]["urls"].get(url_sid)
    if found is None:
        raise missing(f"/v1/Trunks/{sid}/OriginationUrls/{url_sid}")
    if "SipUrl" in form:
        _check_sip(form["SipUrl"])
        found["sip_url"] = form["SipUrl"]
    if "Enabled" in form:
        found["enabled"] = form["Enabled"] == "true"
    found["date_updated"] = iso(books.date())
    return found


def _check_sip(address: str) -> None:
    if not address.startswith("sip:"):
        raise invalid(20001, f"SipUrl {address} must begin with sip:")


def page_of(rows: list[Json], name: str, url: str, form: Form) -> Json:
    """Return a page in the format of Twilio's newer hosts, which names the list's key beside it."""
    size, page = int(form.get("PageSize", USUAL_PAGE)), int(form.get("Page", 0))

    def at(number: int) -> str:
        """Return the URL of a page."""
        return f"{url}?PageSize={size}&Page={number}"

    more = len(rows) > (page + 1) * size
    return {
        name: rows[page * size : (page + 1) * size],
        "meta": {
            "first_page_url": at(0),
            "key": name,
            "next_page_url": at(page + 1) if more else None,
            "page": page,
            "page_size": size,
            "previous_page_url": at(page - 1) if page else None,
            "url": at(page),
        },
    }


def iso(date: str) -> str:
    """Convert a date to the format of the newer hosts."""
    then: datetime = parsedate_to_datetime(date).astimezone(UTC)
    return then.isoformat().replace("+00:00", "Z")
