"""An account's timeline: every step of going live, in one place and in order."""


def test_everything_about_going_live_is_told_in_order(clinic):
    clinic.goes_live()
    shown = clinic.call("GET", "…/timeline?limit=100").json
    assert not shown["hasMore"]
    entries = shown["data"]
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    kinds = [entry["type"] for entry in entries]
    order = [
        "deployment.requested",
        "number.requested",
        "number_purchase.confirmed",
        "number.bought",
    ]
    assert [kind for kind in kinds if kind in order] == order
    assert entries[-1]["type"] in {"deployment.live", "deployment"}
    assert "System is now live! ✓" in [entry["reason"] for entry in entries]


def test_a_page_goes_on_where_the_last_one_ended(clinic):
    clinic.goes_live()
    first = clinic.call("GET", "…/timeline?limit=2").json
    rest = clinic.call("GET", f"…/timeline?limit=100&startingAfter={first['data'][-1]['id']}").json
    assert first["hasMore"]
    ids = [entry["id"] for entry in first["data"] + rest["data"]]
    assert len(ids) == len(set(ids))


def test_another_accounts_timeline_is_not_there(clinic):
    other = clinic.another()
    answer = other.client.simulate_get(
        f"/api/accounts/{clinic.account.id}/timeline", headers=other.headers
    )
    assert answer.status_code == 404
