"""The shape of the source: who may import whom, and what is not to be found anywhere in it."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "pricedesk"

MODULES = {
    path.relative_to(SOURCE).with_suffix("").as_posix(): ast.parse(path.read_text("utf-8"))
    for path in sorted(SOURCE.rglob("*.py"))
}
"""Every module's syntax tree by its path, as in backend/sources/ecb."""

DOMAIN = [
    "money",
    "currencies",
    "dates",
    "error_lines",
    "protocol",
    "rate_lines",
    "lines",
    "telnet",
    "telnet_charset",
    "quote_codes",
    "quote_lines",
    "backend/addresses",
    "backend/rates",
    "backend/conversion",
    "backend/calendars",
    "backend/pegs",
    "backend/limits",
    "backend/precedents",
    "backend/witnesses",
    "backend/quarantine",
    "backend/cases",
    "backend/guards",
    "backend/rate_book",
    "backend/question",
    "backend/moment",
    "backend/bureau",
    "backend/conversion_requests",
    "backend/pair_history",
    "backend/rates_replies",
    "backend/recent_answers",
    "backend/quotes",
    "backend/ledger_page",
    "http/kept",
    "http/messages",
    "http/json_bodies",
    "http/parameters",
    "http/refusals",
    "http/answer_bytes",
    "http/meanings",
    "backend/http/parameters",
    "backend/http/rate_format",
    "backend/http/caching",
    "backend/http/v1",
    "backend/http/rows",
    "backend/http/row_formats",
    "backend/http/v2",
    "backend/http/v2_catalogue",
    "backend/http/v2_failures",
    "backend/http/items",
    "backend/http/own",
    "backend/http/openapi",
    "backend/http/openapi_schemas",
    "backend/http/openapi_refusals",
    "backend/store_rows",
    "backend/grpc/conversion_messages",
    "backend/grpc/currency_service",
    "backend/grpc/definitions",
    "backend/grpc/fields",
    "backend/grpc/frames",
    "backend/grpc/http2",
    "backend/grpc/methods",
    "backend/grpc/reflection",
    "backend/grpc/server_limits",
    "backend/grpc/statuses",
    "backend/grpc/on_http2",
    *(module for module in MODULES if module.startswith("backend/sources/")),
    "frontend/menu",
    "frontend/dialogue",
    "frontend/terminal_text",
    "frontend/catalogue",
    "frontend/catalogue_csv",
    "frontend/search_words",
    "frontend/price_rules",
    "frontend/price_rules_file",
    "frontend/text_files",
    "frontend/appearance",
    "frontend/offers",
    "frontend/pricing",
    "frontend/customers",
    "frontend/price_views",
    "frontend/refusal_words",
    "frontend/telnet_texts",
    "frontend/web/bounds",
    "frontend/web/charts",
    "frontend/web/views",
    "frontend/web/visitor",
    "frontend/web/api_description",
]
OUTSIDE_WORLD = {"asyncio", "concurrent", "socket", "ssl", "sqlite3", "subprocess", "threading"}
OUTSIDE_WORLD |= {"psycopg", "time"}
FRAMEWORKS = {
    "click",
    "grpc",
    "httpcore2",
    "httptools",
    "httpx2",
    "logging",
    "prometheus_client",
    "stamina",
    "uvicorn",
}

COMMAND_LINE = {
    "cli",
    "cli_backfill",
    "cli_catalogue",
    "cli_db",
    "cli_quarantine",
    "cli_quotes",
    "cli_rates",
    "cli_words",
}
"""What starts either program may import both."""

FRONTEND_PACKAGES = {"babel", "click", "httptools", "jinja2", "uvicorn"}
"""All that the front-end's image has installed beside this package."""

FRONTEND_OPTIONAL = {"frontend/catalogue_store": {"psycopg"}}
"""What a module imports only where a setting asks for it."""

BANNED_NAMES = {"utils", "helpers", "common", "manager", "base"}
FUNCTION_LINES_MAX = 60

CALENDAR_CLOCKS = {
    *(("datetime", name) for name in ("now", "utcnow", "today")),
    ("date", "today"),
    *(("time", name) for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "asctime")),
}

NAMES_OF_SECONDS = {
    "now",
    "jitter",
    "sleep",
    "_shown",
    "_failed_at",
    "received_at",
    "timeout",
}
NAMES_OF_SECONDS |= {"_ending_since", "_partial_since", "_progress_at", "looked_at", "last_line_at"}
NAMES_OF_SECONDS |= {"deadline", "sent_at"}
NAMES_OF_SECONDS |= {"timeout"}  # as httpcore2's interface has it
"""What may be a float though its name does not end in `seconds`: still only seconds."""


def imports(module: str) -> set[str]:
    """The modules that a module imports, wherever in it that happens."""
    found = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(module: str) -> set[str]:
    """The first parts of what a module imports: asyncio, click, pricedesk."""
    return {name.partition(".")[0] for name in imports(module)}


def sides(module: str) -> set[str]:
    """Which of the two programs a module imports something of."""
    return {
        side
        for side in ("backend", "frontend")
        if any(f"{name}.".startswith(f"pricedesk.{side}.") for name in imports(module))
    }


def side(module: str) -> str:
    """The program that a module belongs to; `shared` if to both."""
    folder = module.partition("/")[0]
    return folder if folder in ("backend", "frontend") else "shared"


def test_no_program_imports_the_other_and_what_they_share_imports_neither() -> None:
    strangers = {
        module: sides(module) - {side(module)}
        for module in MODULES.keys() - COMMAND_LINE
        if sides(module) - {side(module)}
    }
    assert strangers == {}


@pytest.mark.parametrize("module", DOMAIN)
def test_the_domain_knows_no_socket_clock_database_or_framework(module: str) -> None:
    assert packages(module) & (OUTSIDE_WORLD | FRAMEWORKS) == set()


def only_for_types(tree: ast.Module) -> set[ast.AST]:
    """What is below `if TYPE_CHECKING`: it is not there when the program runs."""
    return {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and last_name(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }


def runs(module: str) -> set[str]:
    """The modules of ours that a module needs to run, each as in MODULES."""
    tree = MODULES[module]
    types = only_for_types(tree)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in types:
            whole = str(node.module).removeprefix("pricedesk.").replace(".", "/")
            found |= {whole, *(f"{whole}/{alias.name}" for alias in node.names)}
            found |= {alias.name for alias in node.names if node.module == "pricedesk"}
    return found & MODULES.keys()


WRITES_THE_LOG = {"http/routes"}
GIVES_A_TYPE = {"clock"}
"""What the domain may need though it knows the one thing that these say."""


@pytest.mark.parametrize("module", DOMAIN)
def test_the_domain_needs_nothing_that_knows_these(module: str) -> None:
    """Whatever is needed by what is needed counts too."""
    needed, found = [module], {module}
    for each in needed:
        further = runs(each) - found - GIVES_A_TYPE
        found |= further
        needed += sorted(further)
    knowing = {each: packages(each) & (OUTSIDE_WORLD | FRAMEWORKS) for each in found}
    for each in WRITES_THE_LOG & found:
        knowing[each] -= {"logging"}
    assert {each: names for each, names in knowing.items() if names} == {}


def test_the_front_end_needs_no_package_that_its_image_lacks() -> None:
    known = {"pricedesk", *FRONTEND_PACKAGES, *sys.stdlib_module_names}
    lacking = {
        m: packages(m) - known - FRONTEND_OPTIONAL.get(m, set())
        for m in MODULES
        if side(m) != "backend"
    }
    assert {module for module, names in lacking.items() if names} == set()


def last_name(node: ast.expr) -> str:
    """The name that an expression ends in: `datetime` for datetime.datetime."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def reads_calendar_clock(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (last_name(node.value), node.attr) in (
            CALENDAR_CLOCKS
        ):
            return True
        if isinstance(node, ast.ImportFrom) and any(
            (node.module, alias.name) in CALENDAR_CLOCKS for alias in node.names
        ):
            return True
    return False


def test_only_the_clock_reads_the_calendar_clock() -> None:
    assert [m for m, tree in MODULES.items() if reads_calendar_clock(tree)] == ["clock"]


def makes_float(node: ast.AST) -> bool:
    match node:
        case ast.Name(id="float") | ast.Constant(value=float()):
            return True
        case _:
            return False


def name_of(node: ast.AST) -> str | None:
    """What a definition, an assignment or an argument gives a name to."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
            return name
        case ast.AnnAssign(target=target) | ast.Assign(targets=[target]):
            return last_name(target)
        case _:
            return None


def floats(node: ast.AST, holder: str) -> Iterator[str]:
    """The innermost names around each float and each float type under a node."""
    for child in ast.iter_child_nodes(node):
        inner = name_of(child) or holder
        if makes_float(child):
            yield inner
        yield from floats(child, inner)


@pytest.mark.parametrize("module", MODULES)
def test_a_binary_float_holds_nothing_but_seconds(module: str) -> None:
    holders = set(floats(MODULES[module], module)) - NAMES_OF_SECONDS
    assert {name for name in holders if not name.lower().endswith("seconds")} == set()


@pytest.mark.parametrize("module", DOMAIN)
def test_the_domain_has_no_float_and_no_division_that_makes_one(module: str) -> None:
    tree = MODULES[module]
    assert list(floats(tree, module)) == []
    divisions = [node for node in ast.walk(tree) if isinstance(node, ast.Div)]
    assert divisions == []
    assert packages(module) & {"decimal", "math"} == set()


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = {part for module in MODULES for part in module.split("/")}
    assert named & BANNED_NAMES == set()


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{module}.{node.name}"
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []
