"""Write docs/settings.md: the table of settings as a page.

Run: PYTHONPATH=src python scripts/make_settings_page.py
"""

from pathlib import Path

from pricedesk.settings import Settings, table

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

HEAD = """\
# Settings

<!-- Made by scripts/make_settings_page.py from src/pricedesk/settings.py; change it there. -->

Each setting is an environment variable. All of them are checked before anything starts: a
value that cannot be used, or a `PRICEDESK_` variable that is not listed here, ends the
program with exit code 2 and the variable's name.

- `PRICEDESK_BACKEND_FILE=/run/secrets/backend` reads `PRICEDESK_BACKEND` from that file, without
  the spaces and line ends around it. Every setting can be given so; both ways at once is refused.
- `pricedesk config` lists the values in use, `pricedesk config --json` for programs.
- The variables that Kubernetes adds for a service called pricedesk are ignored.

| Variable | Default | Meaning |
|---|---|---|
"""


def page() -> str:
    """The page's text."""
    rows = (
        f"| `{variable}` | {f'`{default}`' if default else 'empty'} | {meaning} |\n"
        for variable, _, default, meaning in table(Settings())
    )
    return HEAD + "".join(rows)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
