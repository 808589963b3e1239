"""Pages of a list, as Twilio's SDK follows them: it expects one name besides those of paging."""

from urllib.parse import urlencode

from sandbox.twilio.errors import Json
from sandbox.twilio.parameters import Form

LARGEST_PAGE = 1000
USUAL_PAGE = 50


def page_of(rows: list[Json], name: str, uri: str, form: Form) -> Json:
    """Return the requested page, with the URLs of the pages around it."""
    size = max(1, min(LARGEST_PAGE, int(form.get("PageSize", USUAL_PAGE))))
    page = int(form.get("Page", 0))
    shown = rows[page * size : (page + 1) * size]
    filters = {each: value for each, value in form.items() if each not in {"Page", "PageToken"}} | {
        "PageSize": str(size)
    }

    def at(number: int) -> str:
        """Return the URL of a page."""
        return f"{uri}?{urlencode({**filters, 'Page': number})}"

    return {
        name: shown,
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(0, len(shown) - 1),
        "uri": at(page),
        "first_page_uri": at(0),
        "previous_page_uri": at(page - 1) if page else None,
        "next_page_uri": at(page + 1) if len(rows) > (page + 1) * size else None,
    }
