"""A thousand questions at every door: the digits that the published texts come to.

A door's format says how many of them are shown.
"""

import http.client
import json
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from random import Random
from subprocess import PIPE
from typing import Any, TypeAlias

import grpc

from ecb_history import crossed, half_up, published_texts
from grpc_cases import money as amount_in
from grpc_cases import request
from pricedesk.currencies import CURRENCIES
from services import ANSWER_SECONDS, FRIDAY_EVENING, Client, backend, environment

QUESTIONS = 1000

Json: TypeAlias = Any
"""A JSON document."""


@dataclass(frozen=True)
class Question:
    """A conversion, and what it comes to: the fraction of the published texts.

    `published` is the text itself where the source published this very pair.
    """

    amount: str
    base: str
    counter: str
    on: date
    rate: Fraction
    published: str

    def __str__(self) -> str:
        return f"{self.amount} {self.base} {self.counter} {self.on}"

    @property
    def exact(self) -> Fraction:
        return Fraction(self.amount) * self.rate

    @property
    def money(self) -> str:
        """Rounded once, half up, to the minor unit."""
        return half_up(self.exact, CURRENCIES[self.counter].minor_digits)


def questions(*, newest_only: bool = False) -> list[Question]:
    """Questions that have an answer: any pair of the ECB's, any of its days, any amount."""
    random = Random(2026)  # noqa: S311  # the same questions each time
    days = list(published_texts().items())
    if newest_only:
        days = [max(days)]
    codes = sorted({"EUR", *(code for _, texts in days for code in texts)})
    found: list[Question] = []
    while len(found) < QUESTIONS:
        base, counter = random.sample(codes, 2)
        day, texts = random.choice(days)
        digits = random.choice((0, 1, 2, 2, 2, 4))
        units = random.randint(1, 10 ** random.randint(1, 9))
        if {base, counter} <= {"EUR", *texts}:
            amount = half_up(Fraction(units, 10**digits), digits)
            published = texts[counter] if base == "EUR" else ""
            rate = crossed(texts, base, counter)
            found.append(Question(amount, base, counter, day, rate, published))
    return found


def decimals(value: Fraction) -> int:
    """Of a rate by docs/http.md: two above 80, three above 20, four above 1, else five digits."""
    for least, count in ((80, 2), (20, 3), (1, 4)):
        if value > least:
            return count
    count = 5
    while value * 10**count < 10**4:
        count += 1
    return count


def trimmed(text: str) -> str:
    """Without the zeros at the end, one decimal left."""
    if "." not in text:
        return f"{text}.0"
    return text.rstrip("0") + ("0" if text.rstrip("0").endswith(".") else "")


def as_number(question: Question) -> str:
    """The amount's worth as version 1 writes it."""
    if question.amount == "1" and question.published:
        return question.published
    least = CURRENCIES[question.counter].minor_digits if Fraction(question.amount) != 1 else 0
    return trimmed(half_up(question.exact, max(decimals(question.exact), least)))


def as_rate(question: Question) -> str:
    """The rate as version 2 writes it."""
    return question.published or trimmed(half_up(question.rate, decimals(question.rate)))


def parted(amount: str) -> tuple[int, int]:
    """An amount with nine decimals as units and nanos."""
    units, nanos = amount.split(".")
    sign = -1 if amount.startswith("-") else 1
    return int(units), sign * int(nanos)


def in_nanos(question: Question) -> bytes:
    """What the demos' clients would send."""
    return request(question.base, *parted(half_up(Fraction(question.amount), 9)), question.counter)


class Http:
    """Asks one connection, which is kept open."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def get(self, path: str) -> Json:
        """The JSON of an answer, its numbers as the texts that they are."""
        self._connection.request("GET", path)
        return self._answer()

    def post(self, path: str, body: object) -> Json:
        """The same for a question with a body."""
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", path, json.dumps(body), headers)
        return self._answer()

    def _answer(self) -> Json:
        response = self._connection.getresponse()
        text = response.read()
        assert response.status == 200, text
        return json.loads(text, parse_float=str, parse_int=str)


def test_a_thousand_questions_have_the_same_digits_at_every_door(tmp_path: Path) -> None:
    asked = questions()
    money = [question.money for question in asked]
    with (
        backend(tmp_path) as (service, port),
        Client(port) as client,
        closing(http.client.HTTPConnection("127.0.0.1", service.http_port, ANSWER_SECONDS)) as door,
    ):
        lines = "".join(f"{question}\n" for question in asked)
        client.send(lines.encode())
        assert client.lines(QUESTIONS).decode().splitlines() == money

        command = [sys.executable, "-m", "pricedesk.cli"]
        settings = environment(data_dir=str(tmp_path), clock=FRIDAY_EVENING)
        shell = subprocess.run(
            [*command, "lines"], input=lines, env=settings, stdout=PIPE, text=True, check=True
        )
        assert shell.stdout.splitlines() == money
        for question in asked[:5]:
            pair, on = [question.base, question.counter], ["--on", str(question.on)]
            words = [*command, "convert", question.amount, *pair, *on]
            one = subprocess.run(words, env=settings, stdout=PIPE, text=True, check=True)
            assert one.stdout == f"{question.money}\n"

        web = Http(door)
        items = [
            {"amount": q.amount, "from": q.base, "to": q.counter, "on": str(q.on)} for q in asked
        ]
        results = web.post("/convert", {"items": items})["results"]
        assert [result["result"] for result in results] == money
        one_by_one = [
            web.get(f"/convert?amount={q.amount}&from={q.base}&to={q.counter}&on={q.on}")
            for q in asked
        ]
        assert [answer["result"] for answer in one_by_one] == money

        first = [
            web.get(f"/v1/{q.on}?amount={q.amount}&base={q.base}&symbols={q.counter}")["rates"]
            for q in asked
        ]
        assert [rates[q.counter] for rates, q in zip(first, asked, strict=True)] == [
            as_number(question) for question in asked
        ]
        # The demos' messages have no date, so these are answered on the day.
        today = questions(newest_only=True)
        with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port()}") as channel:
            convert: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                "/hipstershop.CurrencyService/Convert"
            )
            answers = [amount_in(convert(in_nanos(question))) for question in today]
        assert answers == [(q.counter, *parted(half_up(q.exact, 9))) for q in today]
        second = [web.get(f"/v2/rate/{q.base}/{q.counter}?date={q.on}") for q in asked]
        assert [answer["rate"] for answer in second] == [as_rate(question) for question in asked]
