"""What leads people and programs to the rest: indexes, descriptions, and the page about them.

All of it is made once, when the door is put together. The page needs no script and no other host.
"""

from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from html import escape
from importlib.resources import files

from pricedesk.backend.http import openapi
from pricedesk.backend.http.caching import FOR_A_DAY
from pricedesk.backend.http.openapi import OPERATIONS, TAGS, Operation
from pricedesk.backend.http.openapi_refusals import REFUSED
from pricedesk.http.meanings import meanings
from pricedesk.http.messages import (
    NO_STORE,
    TEXT_TYPE,
    Failure,
    Json,
    Request,
    Response,
    json_response,
)
from pricedesk.http.routes import Route, RouteTable

_HTML_TYPE = "text/html; charset=utf-8"
_DOCS = "/docs"
_VERSIONS = {"v1": "frozen", "v2": "current"}


def route_table() -> RouteTable:
    """The index and what it leads to; failures on paths that nobody else has are told here."""
    indexes = {"/": index(), **{f"/{v}{end}": _version(v) for v in _VERSIONS for end in ("", "/")}}
    documents: dict[str, Json] = {
        f"{prefix}/openapi.json": openapi.document(prefix or "/") for prefix in ("", "/v1", "/v2")
    }
    told = {**indexes, **documents}
    answers = {path: json_response(value, headers=(FOR_A_DAY,)) for path, value in told.items()}
    answers[_DOCS] = docs_page()
    answers["/robots.txt"] = Response(
        b"User-agent: *\nDisallow: /\n", media_type=TEXT_TYPE, headers=(FOR_A_DAY,)
    )
    routes = tuple(Route(path, partial(_always, answer)) for path, answer in answers.items())
    return RouteTable(routes, ("/",), write_as_frankfurter)


def write_as_frankfurter(failure: Failure) -> Response:
    """A failure as Frankfurter's clients know it: `{"status":404,"message":"not found"}`."""
    told: Json = {"status": int(failure.status), "message": failure.detail}
    return json_response(told, failure.status, (NO_STORE,))


def _always(answer: Response, _request: Request, _values: Mapping[str, str]) -> Response:
    return answer


def index() -> Json:
    """The document at `/`."""
    return {
        "name": "Pricedesk",
        "versions": {
            version: {
                "base": f"/{version}",
                "openapi": f"/{version}/openapi.json",
                "status": status,
            }
            for version, status in _VERSIONS.items()
        },
        "docs": _DOCS,
        "convert": "/convert",
    }


def _version(version: str) -> Json:
    return {
        "version": version,
        "status": _VERSIONS[version],
        "openapi": f"/{version}/openapi.json",
        "docs": f"{_DOCS}#{version}",
    }


def docs_page() -> Response:
    """The page for people, made from what describes the API to programs."""
    style = files(__package__).joinpath("docs.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    )
    sections = "".join(_section(tag, about) for tag, about in TAGS.items())
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Pricedesk: the HTTP API</title><style>{style}</style></head><body><main>"
        "<h1>Pricedesk: the HTTP API</h1><p>For programs: "
        '<a href="/openapi.json">openapi.json</a>. Every answer has an ETag, '
        f"and may be kept until the next publication.</p><nav><ul>{_contents()}</ul></nav>"
        f"{sections}{_errors()}</main></body></html>\n"
    )
    headers = (
        FOR_A_DAY,
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    )
    return Response(page.encode(), media_type=_HTML_TYPE, headers=headers)


def _contents() -> str:
    return "".join(f'<li><a href="#{t}">{escape(t)}</a></li>' for t in (*TAGS, "errors"))


def _section(tag: str, about: str) -> str:
    operations = "".join(_operation(one) for one in OPERATIONS if one.tag == tag)
    return f'<section id="{tag}"><h2>{escape(tag)}</h2><p>{escape(about)}</p>{operations}</section>'


def _operation(one: Operation) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(p.name)}</code></td><td>{p.place}</td>"
        f"<td>{escape(p.about)}{' Required.' if p.required else ''}</td></tr>"
        for p in one.parameters
    )
    head = "<thead><tr><th>parameter</th><th>in</th><th></th></tr></thead>"
    table = f"<table>{head}<tbody>{parameters}</tbody></table>"
    kinds = ", ".join(escape(kind) for kind in one.answers)
    failures = ", ".join(str(status) for status in one.failures)
    return (
        f'<article id="{one.name}"><h3>{one.method.upper()} <code>{escape(one.path)}</code></h3>'
        f"<p>{escape(one.about)}</p>{table if one.parameters else ''}"
        f"<p>200: {kinds}. Otherwise {failures}, and what any request may get.</p></article>"
    )


def _errors() -> str:
    rows = "".join(
        f'<tr id="{slug}"><td><code>{slug}</code></td><td>{status}</td>'
        f"<td>{escape(meaning)}</td></tr>"
        for slug, (status, meaning) in sorted(meanings().items())
    )
    refused = ", ".join(str(status) for status in REFUSED)
    return (
        '<section id="errors"><h2>errors</h2><p>Problems of /convert and /quotes (RFC 9457) have'
        " one of these names; versions 1 and 2 tell theirs as Frankfurter does. Any request may be"
        f" refused before there is a path ({refused}): that is a problem everywhere, and the"
        " connection ends.</p><table><thead>"
        f"<tr><th>name</th><th>status</th><th></th></tr></thead><tbody>{rows}</tbody></table></section>"
    )
