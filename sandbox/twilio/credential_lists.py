"""SIP credential lists: created, filled, listed, and deleted once no trunk uses them."""

import re

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid
from sandbox.twilio.lists import page_of
from sandbox.twilio.parameters import Form

# 12 characters or more, with upper-case letters, lower-case letters and digits
PASSWORD = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9]).{12,}")
KIND = "SIP/CredentialLists"


def create(books: Books, account: str, form: Form) -> Json:
    """``POST …/SIP/CredentialLists.json``."""
    if not form.get("FriendlyName"):
        raise invalid(20001, "FriendlyName is required")
    sid, date = books.sid("CL"), books.date()
    uri = f"/2010-04-01/Accounts/{account}/{KIND}/{sid}"
    made: Json = {
        "account_sid": account,
        "date_created": date,
        "date_updated": date,
        "friendly_name": form["FriendlyName"],
        "sid": sid,
        "subresource_uris": {"credentials": f"{uri}/Credentials.json"},
        "uri": f"{uri}.json",
    }
    books.login_lists[sid] = made
    books.private[sid] = {}
    return made


def retrieve(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET …/SIP/CredentialLists/{Sid}.json``."""
    return books.owned(books.login_lists, account, KIND, sid)


def index(books: Books, account: str, form: Form) -> Json:
    """``GET …/SIP/CredentialLists.json``."""
    rows = [dict(row) for row in books.login_lists.values() if row["account_sid"] == account]
    return page_of(rows, "credential_lists", f"/2010-04-01/Accounts/{account}/{KIND}.json", form)


def delete(books: Books, account: str, form: Form, sid: str) -> None:
    """``DELETE …/SIP/CredentialLists/{Sid}.json``; refused while a trunk uses the list."""
    retrieve(books, account, form, sid)
    for trunk in books.trunks:
        if sid in books.private[trunk]["lists"]:
            raise invalid(21247, f"The credential list is in use by trunk {trunk}")
    del books.login_lists[sid]
    for login in books.private.pop(sid):
        books.private.pop(login)


def add(books: Books, account: str, form: Form, list_sid: str) -> Json:
    """``POST …/SIP/CredentialLists/{CredentialListSid}/Credentials.json``."""
    retrieve(books, account, form, list_sid)
    name = form.get("Username", "")
    if not name or any(row["username"] == name for row in books.private[list_sid].values()):
        raise invalid(21242, f"Username {name} is missing, or is in this list already")
    _check_password(form)
    sid, date = books.sid("CR"), books.date()
    made: Json = {
        "sid": sid,
        "account_sid": account,
        "credential_list_sid": list_sid,
        "username": name,
        "date_created": date,
        "date_updated": date,
        "uri": f"/2010-04-01/Accounts/{account}/{KIND}/{list_sid}/Credentials/{sid}.json",
    }
    books.private[list_sid][sid] = made
    books.private[sid] = {"password": form["Password"]}
    return made


def logins(books: Books, account: str, form: Form, list_sid: str) -> Json:
    """``GET …/SIP/CredentialLists/{CredentialListSid}/Credentials.json``."""
    retrieve(books, account, form, list_sid)
    rows = [dict(row) for row in books.private[list_sid].values()]
    uri = f"/2010-04-01/Accounts/{account}/{KIND}/{list_sid}/Credentials.json"
    return page_of(rows, "credentials", uri, form)


def change(books: Books, account: str, form: Form, list_sid: str, sid: str) -> Json:
    """``POST …/SIP/CredentialLists/{CredentialListSid}/Credentials/{Sid}.json``."""
    retrieve(books, account, form, list_sid)
    found = books.owned(books.private[list_sid], account, KIND, sid)
    _check_password(form)
    books.private[sid] = {"password": form["Password"]}
    found["date_updated"] = books.date()
    return found


def _check_password(form: Form) -> None:
    if not PASSWORD.fullmatch(form.get("Password", "")):
        raise invalid(21241, "Password needs 12 characters, capitals, small letters and digits")
