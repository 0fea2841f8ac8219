"""Templates to pages, and the files that go with them.

What a template is given is data; Jinja2 escapes all of it. Files have a digest in their
names, so a browser may keep them for ever.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files
from pathlib import PurePath
from urllib.parse import urlsplit

from jinja2 import DictLoader, Environment, StrictUndefined

from pricedesk.http.messages import NO_STORE, Response

HTML_TYPE = "text/html; charset=utf-8"

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"),
)
"""On every answer of the door: nothing of another host is loaded, framed or sent to."""

FOR_EVER = ("Cache-Control", "public, max-age=31536000, immutable")

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_DIGEST_CHARACTERS = 12


class Files:
    """The files that pages refer to, by their names with a digest in them."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}
        self.responses: dict[str, Response] = {}
        folder = files(__package__) / "static"
        for file in folder.iterdir():
            name = PurePath(file.name)
            content = file.read_bytes()
            digest = sha256(content).hexdigest()[:_DIGEST_CHARACTERS]
            path = f"/static/{name.stem}.{digest}{name.suffix}"
            self._paths[file.name] = path
            self.responses[path] = Response(
                content, media_type=_TYPES[name.suffix], headers=(FOR_EVER,)
            )

    def path(self, name: str) -> str:
        """Where a file is served: desk.css is at /static/desk.0123456789ab.css."""
        return self._paths[name]


class Pages:
    """The templates; `words` translates a text of theirs to a language."""

    def __init__(self, static: Callable[[str], str]) -> None:
        folder = files(__package__) / "templates"
        sources = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
        self._environment = Environment(
            loader=DictLoader(sources),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["static"] = static
        self._environment.filters["host"] = lambda address: urlsplit(str(address)).hostname or ""

    def response(
        self,
        template: str,
        values: Mapping[str, object],
        words: Callable[[str], str],
        status: int = HTTPStatus.OK,
    ) -> Response:
        """A page, which is never kept: prices and states in it are those of this moment."""
        text = self._environment.get_template(template).render(**values, _=words)
        return Response(text.encode(), status, HTML_TYPE, (NO_STORE,))
