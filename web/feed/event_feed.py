"""The event feed for the clinic's own software: by cursor, oldest first, without gaps."""

import falcon
from pydantic import BaseModel, Field

from models.feed.outgoing_event import feed_after
from web.feed.responses import EventFeedPage
from web.http.guards.auth import caller_of
from web.http.lists import MAX_LIMIT, USUAL_LIMIT, limit_of, number_of
from web.http.problems import Problem
from web.openapi.openapi import documented

LARGEST = 2**63 - 1


class FeedQuery(BaseModel):
    """Where to continue."""

    since: int = Field(
        default=0,
        ge=0,
        le=LARGEST,
        description="The `next` of the previous answer; 0 for the beginning.",
    )
    limit: int = Field(
        default=USUAL_LIMIT, ge=1, le=MAX_LIMIT, description="Maximum number of items."
    )


class EventFeed:
    """`/api/events`"""

    @documented("Events", {200: EventFeedPage}, query=FeedQuery, problems=("cursor_too_old",))
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Events since a cursor.

        An event's id is the same here and at webhook endpoints.

        Events are kept for 90 days. 0 is the beginning of what is kept; an older cursor is answered
        with 410: read the objects themselves, then continue from 0.
        """
        account = caller_of(req).own
        since = number_of(req, "since", 0, 0, LARGEST)
        limit = limit_of(req)
        if 0 < since < (account.feed_begins_after or 0):
            raise Problem(
                "cursor_too_old",
                f"Events after {since} are no longer kept. Read your invoices with updatedSince,"
                " then continue with since=0.",
            )
        rows = feed_after(account.id, since, limit + 1)
        shown = rows[:limit]
        resp.media = {
            "data": [row.body for row in shown],
            "hasMore": len(rows) > limit,
            "next": str(shown[-1].id if shown else since),
        }
