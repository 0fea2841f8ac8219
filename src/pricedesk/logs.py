"""Logging: one JSON object a line for machines, a short text for a person at a terminal."""

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: ts, level, service, event, and what was added to it."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "event": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """A record as a line for a person."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end; a trace follows on lines of its own."""
        moment = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        extra = " ".join(f"{key}={value}" for key, value in _extra(record).items())
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        text = f"{moment} {self._service}: {level}{record.getMessage()} {extra}".rstrip()
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def name_worker(number: int) -> None:
    """Have each record that is logged from now on say which worker it is from."""

    def named(record: logging.LogRecord) -> bool:
        record.worker = number
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(named)


def start_logging(service: str, log_format: str) -> None:
    """Send the program's log to standard output; `log_format` as in the settings."""
    as_text = sys.stdout.isatty() if log_format == "auto" else log_format == "text"
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(TextFormatter(service) if as_text else JsonFormatter(service))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("pricedesk").setLevel(logging.INFO)
