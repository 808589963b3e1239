"""Pages: Jinja templates, escaped, with a strict Content-Security-Policy; only the card form has a
script.
"""

from pathlib import Path

import falcon
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from web.http.guards.security_headers import PAGE

HERE = Path(__file__).parent.parent
STATIC = HERE / "static"

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def rendered(template: str, **values: object) -> Markup:
    """A rendered page, or a part of one."""
    return Markup(_templates.get_template(template).render(values))  # noqa: S704 - escaped in it


def show_page(resp: falcon.Response, template: str, policy: str = PAGE, **values: object) -> None:
    """Answer with a page; one that needs more than our own styles passes its own `policy`."""
    show_rendered(resp, rendered(template, **values), policy)


def show_rendered(resp: falcon.Response, page: Markup, policy: str = PAGE) -> None:
    """Answer with a page that is already rendered."""
    resp.content_type = falcon.MEDIA_HTML
    resp.text = page
    resp.set_header("Content-Security-Policy", policy)
    resp.set_header("Cache-Control", "no-store")
