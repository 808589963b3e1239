"""Where outgoing webhooks can go: every known trick to reach a private host is refused, and public
URLs are accepted (fault 41).
"""

import pytest

from rules.webhook_address import may_reach, read_target

REFUSED = [
    "http://example.com/hook",
    "ftp://example.com",
    "https://",
    "https:///hook",
    "example.com",
    "",
    "javascript:alert(1)",
    "https://user:pw@example.com/",
    "https://example.com/#part",
    "https://exa mple.com/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com/\r\nHost: x",
    "https://exämple.com/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://printer/",
    "https://db.internal/",
    "https://nas.local/",
    "https://x.lan/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.8/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://240.0.0.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::127.0.0.1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://256.1.1.1/",
    "https://1.2.3.4.5/",
    "https://.example.com/",
    "https://example..com/",
    "https://" + "a" * 2000 + ".com/",
    "https://example.com:0/",
    "https://example.com:00/",
    "https://example.com:-1/",
    "https://example.com:+443/",
    "https://example.com:65536/",
    "https://example.com:4_43/",
    "https://example.com:/",
    "https://example.com:443:444/",
    "https://[2606:4700::1111]:0/",
    "https://8.8.8.8:0/",
    "https://@example.com/",
    "https://:@example.com/",
    "https://user@example.com/",
    "https://user:@example.com/",
    "https://%75ser@example.com/",
    "https://example.com%2f@127.0.0.1/",
    "https://example.com/#",
    "https://:443/",
    "https://./",
    "https://../",
    "https://example.com../",
    "https://exa%6dple.com/",
    "https://127%2e0%2e0%2e1/",
    "https://example.com%00/",
    "https://example.com%3a22/",
    "https://-example.com/",
    "https://example-.com/",
    "https://ex*mple.com/",
    "https://*.example.com/",
    "https://example.com,example.org/",
    "https://example.com;x/",
    "https://(example).com/",
    "https://[v1.a]/",
    "https://[2606:4700::1111/",
    "https://2606:4700::1111/",
    "https://[2606:4700::1111%25eth0]/",
    "https://[2606:4700::1111%eth0]/",
    "https://[8.8.8.8]/",
    "https://134744072/",
    "https://0x8.8.8.8/",
    "https://8.8/",
    "https:example.com/",
    "https:/example.com/",
    "//example.com/",
    "HTTPS//example.com",
    "wss://example.com/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "https+unix://example.com/",
    "https://" + "a" * 64 + ".com/",
    "https://" + ".".join(["a" * 60] * 5) + ".com/",
    "https://example.com\t/",
    "https://example.com/\x7f",
]
TAKEN = [
    "https://example.com./",
    "https://example.com:443/",
    "https://example.com:0443/",
    "https://example.com?a=b",
    "https://a_b.example.com/",
    "https://example.com:65535/a:0",
    "https://example.com/@user?x=:0",
    "HTTPS://example.com/",
    "https://example.com",
    "https://example.com/hook?a=1&b=2",
    "https://EXAMPLE.com:8443/hook",
    "https://xn--exmple-cua.com/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]/",
    "https://[64:ff9b::8.8.8.8]/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_non_public_webhook_address_is_refused(url):
    with pytest.raises(ValueError, match=r"^(must|may|is|leads)"):
        read_target(url)


@pytest.mark.parametrize("url", TAKEN)
def test_a_public_https_address_is_accepted(url):
    assert read_target(url).scheme == "https"


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://example.com", "example.com", 443, "/", "example.com"),
        ("https://EXAMPLE.com:8443/a?b=c", "example.com", 8443, "/a?b=c", "example.com:8443"),
        ("https://[2606:4700::1111]:444/", "2606:4700::1111", 444, "/", "[2606:4700::1111]:444"),
    ],
)
def test_an_address_is_parsed_into_host_port_path_and_authority(url, host, port, path, authority):
    target = read_target(url)
    assert (target.host, target.port, target.path, target.authority) == (
        host,
        port,
        path,
        authority,
    )


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/hook", "http://localhost:1/", "http://[::1]/", "https://127.0.0.1/"],
)
def test_loopback_is_accepted_only_in_a_demo(url):
    assert read_target(url, loopback=True)
    with pytest.raises(ValueError):
        read_target(url)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "https://10.0.0.1/", "https://169.254.169.254/", "http://192.168.0.1/"],
)
def test_a_demo_accepts_no_plain_http_or_private_addresses(url):
    with pytest.raises(ValueError):
        read_target(url, loopback=True)


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("93.184.215.14", True),
        ("127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("nonsense", False),
        ("2606:4700::1111", True),
    ],
)
def test_a_resolved_address_is_accepted_only_if_public(address, reached):
    assert may_reach(address) is reached
