"""An account's timeline, for the clinic and for operators."""

import falcon

from effects.timeline import entries_of
from models.reports.account_timeline import own_effects, timeline_of_account
from web.accounts.accounts import account_of
from web.http.lists import page_of
from web.http.responses import Timeline, TimelineEntry
from web.openapi.openapi import PageQuery, documented


class AccountTimeline:
    """`/api/accounts/{account_id}/timeline`"""

    @documented("Accounts", {200: Timeline}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """What was configured, charged, bought, created and taken down, in order, with the reasons.

        Entries about an invoice are on that invoice's timeline.
        """
        account = account_of(req, account_id)
        entries = timeline_of_account(account, entries_of(own_effects(account)))
        resp.media = page_of(req, entries, TimelineEntry.show, lambda entry: entry.id)
