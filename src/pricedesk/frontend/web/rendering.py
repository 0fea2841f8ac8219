"""Templates to pages, and the files that go with them.

What a template is given is data; Jinja2 escapes all of it. The style and the script are in
every page, where the policy allows those very texts by their digests and no others. Other files
have a digest in their names, so a browser may keep them for ever.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files
from pathlib import PurePath
from urllib.parse import urlsplit

from jinja2 import DictLoader, Environment, StrictUndefined

from pricedesk.http.messages import NO_STORE, Response

HTML_TYPE = "text/html; charset=utf-8"

STYLE, SCRIPT = "desk.css", "desk.js"
"""The files that are in every page."""

ALONE = ("Cross-Origin-Opener-Policy", "same-origin")
"""Of pages whose address is a secret: who opened the window has no hold on it any more. A browser
starts a process of its own for such a page, which public ones need not wait for."""

FOR_EVER = ("Cache-Control", "public, max-age=31536000, immutable")

_TYPES = {".svg": "image/svg+xml"}
_DIGEST_CHARACTERS = 12


class Files:
    """What goes with pages: `style` and `script` in them, others by their names with a digest.

    `headers` are on every answer of the door: nothing is loaded, run, framed or sent to but
    what is the shop's own.
    """

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}
        self.responses: dict[str, Response] = {}
        folder = files(__package__) / "static"
        contents = {file.name: file.read_bytes() for file in folder.iterdir()}
        style, script = contents.pop(STYLE), contents.pop(SCRIPT)
        self.style, self.script = style.decode(), script.decode()
        self.headers = _security_headers(style, script)
        for file_name, content in contents.items():
            name = PurePath(file_name)
            digest = sha256(content).hexdigest()[:_DIGEST_CHARACTERS]
            path = f"/static/{name.stem}.{digest}{name.suffix}"
            self._paths[file_name] = path
            self.responses[path] = Response(
                content, media_type=_TYPES[name.suffix], headers=(FOR_EVER,)
            )

    def path(self, name: str) -> str:
        """Where a file is served: icon.svg is at /static/icon.0123456789ab.svg."""
        return self._paths[name]


def _security_headers(style: bytes, script: bytes) -> tuple[tuple[str, str], ...]:
    policy = (
        f"default-src 'none'; style-src {_allowed(style)}; script-src {_allowed(script)};"
        " img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    return (
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    )


def _allowed(text: bytes) -> str:
    """How a policy names a text that may be in a page."""
    return f"'sha256-{b64encode(sha256(text).digest()).decode()}'"


class Pages:
    """The templates; `words` translates a text of theirs to a language."""

    def __init__(self, static: Files) -> None:
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
        self._environment.globals.update(
            static=static.path, style=static.style, script=static.script
        )
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
