"""Elastic SIP trunks at Twilio, and the credential lists with which a phone system signs in to one.

A trunk is found again by its FriendlyName, our tag; its domain is unique across all of Twilio.
Deleting a trunk deletes its origination URLs and its links to credential lists; a credential list
is deleted separately, once no trunk uses it.
"""

from typing import Any

from providers.errors import ignoring
from providers.twilio.client import Json, check_deleted, client, iso, mapped_errors, text, word
from providers.twilio.refusals import NOT_FOUND

PAGE = 1000


def create_trunk(tag: str, domain: str) -> Json:
    """Create a trunk reached at `domain`, a name under pstn.twilio.com."""
    with mapped_errors():
        return _trunk(client().trunking.v1.trunks.create(friendly_name=tag, domain_name=domain))


def find_trunk(tag: str) -> Json | None:
    """Find the trunk that carries `tag`, the oldest if there are several."""
    return _oldest(list_trunks(), tag)


def get_trunk(sid: str) -> Json:
    """Fetch a trunk in its current state. Refused with the code NOT_FOUND if it does not exist."""
    with mapped_errors():
        return _trunk(client().trunking.v1.trunks(sid).fetch())


def list_trunks() -> list[Json]:
    """List every trunk of the account."""
    with mapped_errors():
        return [_trunk(each) for each in client().trunking.v1.trunks.list(page_size=PAGE)]


def delete_trunk(sid: str) -> None:
    """Delete a trunk; one that no longer exists counts as deleted."""
    _delete(client().trunking.v1.trunks(sid))


def attach_credential_list(trunk_sid: str, list_sid: str) -> Json:
    """Allow the logins of a credential list to use a trunk."""
    with mapped_errors():
        lists = client().trunking.v1.trunks(trunk_sid).credentials_lists
        return {"id": word(lists.create(credential_list_sid=list_sid).sid)}


def attached_credential_lists(trunk_sid: str) -> list[str]:
    """List the sids of the credential lists that a trunk accepts."""
    with mapped_errors():
        lists = client().trunking.v1.trunks(trunk_sid).credentials_lists
        return [word(each.sid) for each in lists.list(page_size=PAGE)]


def set_origination_url(trunk_sid: str, tag: str, sip_url: str) -> Json:
    """Route a trunk's calls to `sip_url`, replacing the origination URL that has this tag."""
    known = next(
        (each for each in origination_urls(trunk_sid) if each["friendly_name"] == tag), None
    )
    with mapped_errors():
        urls = client().trunking.v1.trunks(trunk_sid).origination_urls
        if known is None:
            made = urls.create(
                weight=1, priority=1, enabled=True, friendly_name=tag, sip_url=sip_url
            )
        else:
            changed = client().trunking.v1.trunks(trunk_sid).origination_urls(known["id"])
            made = changed.update(sip_url=sip_url, enabled=True)
        return _address(made)


def origination_urls(trunk_sid: str) -> list[Json]:
    """List a trunk's origination URLs, to which its calls are routed."""
    with mapped_errors():
        urls = client().trunking.v1.trunks(trunk_sid).origination_urls
        return [_address(each) for each in urls.list(page_size=PAGE)]


def create_credential_list(tag: str) -> Json:
    """Create an empty credential list."""
    with mapped_errors():
        return _list(client().sip.credential_lists.create(friendly_name=tag))


def find_credential_list(tag: str) -> Json | None:
    """Find the credential list that carries `tag`, the oldest if there are several."""
    return _oldest(list_credential_lists(), tag)


def get_credential_list(sid: str) -> Json:
    """Fetch a credential list. Refused with the code NOT_FOUND if it does not exist."""
    with mapped_errors():
        return _list(client().sip.credential_lists(sid).fetch())


def list_credential_lists() -> list[Json]:
    """List every credential list of the account."""
    with mapped_errors():
        return [_list(each) for each in client().sip.credential_lists.list(page_size=PAGE)]


def delete_credential_list(sid: str) -> None:
    """Delete a credential list with its logins; one that no longer exists counts as deleted."""
    _delete(client().sip.credential_lists(sid))


def set_login(list_sid: str, username: str, password: str) -> Json:
    """Create the login `username` in a credential list, or replace its password."""
    known = find_login(list_sid, username)
    with mapped_errors():
        logins = client().sip.credential_lists(list_sid).credentials
        if known is None:
            return _login(logins.create(username=username, password=password))
        one = client().sip.credential_lists(list_sid).credentials(known["id"])
        return _login(one.update(password=password))


def find_login(list_sid: str, username: str) -> Json | None:
    """Find the login with this name in a credential list. Twilio never returns its password."""
    with mapped_errors():
        rows = client().sip.credential_lists(list_sid).credentials.list(page_size=PAGE)
        return next((_login(each) for each in rows if each.username == username), None)


def _delete(context: Any) -> None:
    with ignoring(NOT_FOUND), mapped_errors():
        check_deleted(context.delete_with_http_info())


def _oldest(rows: list[Json], tag: str) -> Json | None:
    found = [each for each in rows if each["friendly_name"] == tag]
    return min(found, key=lambda each: str(each["created_at"]), default=None)


def _trunk(trunk: Any) -> Json:
    return {
        "id": word(trunk.sid),
        "friendly_name": text(trunk.friendly_name),
        "domain_name": text(trunk.domain_name),
        "created_at": iso(trunk.date_created),
    }


def _address(url: Any) -> Json:
    return {
        "id": word(url.sid),
        "friendly_name": text(url.friendly_name),
        "sip_url": text(url.sip_url),
        "enabled": bool(url.enabled),
    }


def _list(made: Any) -> Json:
    return {
        "id": word(made.sid),
        "friendly_name": text(made.friendly_name),
        "created_at": iso(made.date_created),
    }


def _login(made: Any) -> Json:
    return {
        "id": word(made.sid),
        "username": text(made.username),
        "updated_at": iso(made.date_updated),
    }
