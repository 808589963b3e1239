"""Secrets in log lines are masked, and nothing else is."""

import errno
import io
import json
import logging
import sys

import pytest
import structlog
from gunicorn.config import Config

from rules.cards.card_numbers import redact
from runtime.log import _SECRET, MaskingFormatter, _Masking, configure_log, get_log
from web.server.gunicorn_log import LONGEST, MaskedLogger


def line(text: str) -> str:
    return (
        MaskingFormatter(redact)
        .format(logging.LogRecord("x", logging.INFO, "", 0, text, None, None))
        .removeprefix("INFO x ")
    )


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_51Habcdefghij",
        "rk_test_51Habcdefghij",
        "whsec_0123456789abcdef",
        "pp_sqjm6fm7v4s22en85bexyze1kn9gpj15w26m68zmr74",
        "pi_3abc_secret_xyz123",
        "pi_3abc_secret_xyz%2Babc.def~g",
        "client_secret=odd-one",
        "Bearer abc.def-ghi",
        "bearer abc.def-ghi",
        "Bearer%20abc.def-ghi",
        "Bearer abc/def+ghi=",
        "basic c2tfbGl2ZV94OnNlY3JldA==",
        "ppop_sqjm6fm7v4s22en85bexyze1kn9gpj15w26m68zmr74",
        "Basic c2tfbGl2ZV94OnNlY3JldA==",
        "postgresql://payphone:pa55-w0rd@db.example/payphone",
        "redis://:pa55%40word@localhost:6379/0",
        "redis://:pa/ss@word@localhost:6379/0",
        "https://user:p%2Fa:ss@example.com/hook?x=1",
        "https://0123456789abcdef0123@example.com/hook",
        "/p/abcdefghjkmnpqrs",
        "/card/gAAAAABl-xyz=",
        "'twilioAuthToken': 'a1b2c3d4e5f6'",
        '"twilioApiSecret": "a1b2c3d4e5f6"',
        '\\"twilioAuthToken\\": \\"a1b2c3d4e5f6\\"',
        "('X-Vapi-Secret', 'a1b2c3d4e5f6')",
        "(b'X-Vapi-Secret', b'a1b2c3d4e5f6')",
    ],
)
def test_keys_tokens_and_secret_addresses_are_masked(secret):
    shown = line(f"before {secret} after")
    assert secret not in shown
    assert "***" in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


def test_a_repeated_token_prefix_is_matched_once():
    """Given a line that repeats the start of a web token, as a broken request can, then it is
    matched once, from its beginning, and not again at each repetition.
    """
    text = f"{'eyJ-' * 10}.a.b"
    assert [at for at in range(len(text)) if _SECRET.match(text, at)] == [0]


def test_only_the_beginning_of_an_invalid_request_is_logged(capfd):
    """Given an invalid request as long as a line can be, then only its beginning is searched and
    logged, and the cut leaves no part of a card number.
    """
    log = MaskedLogger(Config())
    card = "4242 4242 4242 4242"
    before = "x" * (LONGEST - 30) + " "
    log.warning("Invalid request: %s", f"{before}{card} {'y' * 8_000}")
    told = capfd.readouterr().err
    assert "x" * 100 in told
    assert "4242" not in told
    assert len(told) < LONGEST + 100


@pytest.mark.parametrize(
    "plain",
    [
        "job=mark_overdue",
        "task_reconciliation_done",
        "app_settings_of_the_clinic",
        "inv_01m810b56xd6mnmgp02",
        "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, then try again",
        "VAPI_WEBHOOK_SECRET: not set",
        "https://example.com:8080/hooks/a@b",
        "https://pat@example.com/x",
        "basic_auth is off",
        "HTTP Basic Authentication is required",
    ],
)
def test_names_that_only_look_like_keys_are_not_masked(plain):
    assert line(plain) == plain


@pytest.mark.parametrize("key", ["twilioAuthToken", "auth_token", "api_key", "Authorization"])
def test_a_field_named_as_a_secret_is_masked_whatever_its_value(key):
    shown = _Masking(redact)(None, "info", {"event": "x", key: "short"})
    assert shown == {"event": "x", key: "***"}


def test_a_log_line_and_its_newline_are_one_write(monkeypatch):
    """Given an unbuffered stderr, as under honcho or in a container, then a line and its end are
    one write, so that processes that share it do not mix their lines.
    """
    writes: list[str] = []

    class Unbuffered(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    before = structlog.get_config()
    monkeypatch.setattr(sys, "stderr", Unbuffered())
    try:
        configure_log("json", mask=redact)
        get_log("test").warning("two processes", who="one")
    finally:
        structlog.configure(**before)
    assert [text[-1] for text in writes] == ["\n"]


def test_log_lines_lost_to_a_full_disk_stop_nothing_and_are_counted(monkeypatch):
    """Given a disk that is full during two lines, then the caller continues; before the next line,
    a new line reports how many were lost.
    """
    written: list[str] = []
    room = iter([False, False, True, True])

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            if not next(room):
                written.append(text[:9])
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(text)
            return len(text)

    before = structlog.get_config()
    monkeypatch.setattr(sys, "stderr", Full())
    try:
        configure_log("json", mask=redact)
        for number in range(4):
            get_log("test").warning("a line", number=number)
    finally:
        structlog.configure(**before)
    told = [json.loads(line) for line in "".join(written).splitlines()[2:]]
    assert [(line["event"], line.get("number"), line.get("lines")) for line in told] == [
        ("log lines could not be written and were lost", None, 2),
        ("a line", 2, None),
        ("a line", 3, None),
    ]
