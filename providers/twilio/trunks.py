"""Elastic SIP trunks at Twilio, and the lists of logins by which a phone system signs in to one.

A trunk is found again by its FriendlyName, our tag; its domain is unique over all of Twilio. With a
trunk go the addresses that calls are sent on to, and the lists that it lets in; a list of logins
goes on its own, once no trunk lets it in.
"""

from typing import Any

from providers.errors import passing_over
from providers.twilio.client import Json, check_deleted, client, iso, mapped_errors, text, word
from providers.twilio.refusals import NOT_FOUND

PAGE = 1000


def create_trunk(tag: str, domain: str) -> Json:
    """Make a trunk that is reached at `domain`, a name under pstn.twilio.com."""
    with mapped_errors():
        return _trunk(client().trunking.v1.trunks.create(friendly_name=tag, domain_name=domain))


def find_trunk(tag: str) -> Json | None:
    """The trunk that carries `tag`, the oldest if there are several."""
    return _oldest(list_trunks(), tag)


def get_trunk(sid: str) -> Json:
    """A trunk in its present state. Refused with the code NOT_FOUND when it is not there."""
    with mapped_errors():
        return _trunk(client().trunking.v1.trunks(sid).fetch())


def list_trunks() -> list[Json]:
    """Every trunk of the account."""
    with mapped_errors():
        return [_trunk(each) for each in client().trunking.v1.trunks.list(page_size=PAGE)]


def delete_trunk(sid: str) -> None:
    """Take a trunk away; one that is not there any more is away."""
    _delete(client().trunking.v1.trunks(sid))


def let_in(trunk_sid: str, list_sid: str) -> Json:
    """Let the logins of a list in to a trunk."""
    with mapped_errors():
        lists = client().trunking.v1.trunks(trunk_sid).credentials_lists
        return {"id": word(lists.create(credential_list_sid=list_sid).sid)}


def lets_in(trunk_sid: str) -> list[str]:
    """The lists that a trunk lets in."""
    with mapped_errors():
        lists = client().trunking.v1.trunks(trunk_sid).credentials_lists
        return [word(each.sid) for each in lists.list(page_size=PAGE)]


def send_on(trunk_sid: str, tag: str, sip_url: str) -> Json:
    """Have a trunk's calls sent on to `sip_url`, and nowhere else by this tag."""
    known = next((each for each in sent_on(trunk_sid) if each["friendly_name"] == tag), None)
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


def sent_on(trunk_sid: str) -> list[Json]:
    """The addresses that a trunk's calls are sent on to."""
    with mapped_errors():
        urls = client().trunking.v1.trunks(trunk_sid).origination_urls
        return [_address(each) for each in urls.list(page_size=PAGE)]


def create_list(tag: str) -> Json:
    """Make an empty list of logins."""
    with mapped_errors():
        return _list(client().sip.credential_lists.create(friendly_name=tag))


def find_list(tag: str) -> Json | None:
    """The list that carries `tag`, the oldest if there are several."""
    return _oldest(list_lists(), tag)


def get_list(sid: str) -> Json:
    """A list of logins. Refused with the code NOT_FOUND when it is not there."""
    with mapped_errors():
        return _list(client().sip.credential_lists(sid).fetch())


def list_lists() -> list[Json]:
    """Every list of logins of the account."""
    with mapped_errors():
        return [_list(each) for each in client().sip.credential_lists.list(page_size=PAGE)]


def delete_list(sid: str) -> None:
    """Take a list of logins away, with all in it; one that is not there any more is away."""
    _delete(client().sip.credential_lists(sid))


def set_login(list_sid: str, username: str, password: str) -> Json:
    """Have a list let `username` in with this password, and with no other."""
    known = find_login(list_sid, username)
    with mapped_errors():
        logins = client().sip.credential_lists(list_sid).credentials
        if known is None:
            return _login(logins.create(username=username, password=password))
        one = client().sip.credential_lists(list_sid).credentials(known["id"])
        return _login(one.update(password=password))


def find_login(list_sid: str, username: str) -> Json | None:
    """The login of this name in a list; its password is shown to nobody."""
    with mapped_errors():
        rows = client().sip.credential_lists(list_sid).credentials.list(page_size=PAGE)
        return next((_login(each) for each in rows if each.username == username), None)


def _delete(context: Any) -> None:
    with passing_over(NOT_FOUND), mapped_errors():
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
