"""The OAUTH_PROVIDERS file: what it can contain, and how errors in it are named."""

import tomllib

import pytest

from rules.integrations.oauth_providers import BadProvider, read_providers

WHOLE = """
[[provider]]
name = "dentos"
title = "DentOS"
authorize = "https://dentos.example/authorize"
token = "https://dentos.example/token"
revoke = "https://dentos.example/revoke"
verify = "https://dentos.example/me"
scopes = ["schedule.read", "me"]
client_id = "ours"
client_secret = "secret"
client_auth = "post"
parameters = { access_type = "offline" }
"""
SMALL = """
[dentos]
authorize = "http://127.0.0.1:9/authorize"
token = "http://localhost:9/token"
verify = "https://dentos.example/me"
scopes = "schedule.read me"
client_id = "ours"
"""
BUILT_IN = frozenset({"google"})


def read(text):
    return read_providers(tomllib.loads(text), BUILT_IN)


def test_a_provider_is_read_from_either_kind_of_table():
    (whole,), (small,) = read(WHOLE), read(SMALL)
    assert (whole.name, whole.title, small.name, small.title) == (
        "dentos",
        "DentOS",
        "dentos",
        "dentos",
    )
    assert whole.scopes == ("schedule.read", "me") == small.scopes
    assert whole.parameters == (("access_type", "offline"),)
    assert (whole.client_auth, small.client_auth) == ("post", "basic")
    assert small.revoke == ""
    assert "secret" not in repr(whole)
    assert read("") == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "dentos"', 'name = "Dent OS"', "is not a valid provider name"),
        ('name = "dentos"', 'name = "google"', "the name google is taken"),
        ('client_id = "ours"', "", "dentos has no client_id"),
        ("https://dentos.example/token", "http://dentos.example/token", "token is not an https://"),
        ("https://dentos.example/me", "dentos.example/me", "verify is not an https://"),
        ('["schedule.read", "me"]', "7", "scopes"),
        ('client_auth = "post"', 'client_auth = "get"', "basic and post are accepted"),
        ('access_type = "offline"', 'state = "x"', "state, which we set"),
        ('access_type = "offline"', "access_type = 1", "put each in quotation marks"),
        ('client_secret = "secret"', "client_secret = 1", "client_secret is not text"),
        ('title = "DentOS"', 'tittle = "DentOS"', "tittle, which has no meaning"),
    ],
)
def test_an_invalid_provider_is_named_without_its_secret(old, new, words):
    assert old in WHOLE
    with pytest.raises(BadProvider, match=words) as raised:
        read(WHOLE.replace(old, new))
    assert '"secret"' not in str(raised.value)


@pytest.mark.parametrize("text", [WHOLE + WHOLE, 'provider = "x"', WHOLE + '[other]\nname = "y"'])
def test_a_providers_file_of_another_shape_is_refused(text):
    with pytest.raises(BadProvider):
        read(text)
