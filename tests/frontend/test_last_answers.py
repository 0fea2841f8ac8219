"""What the back-end said last: bounded, forgotten when it cannot be trusted."""

from datetime import timedelta

import pytest

from fakes import FakeRates
from held import EVENING, Clock
from pricedesk.errors import ServiceUnavailable
from pricedesk.frontend.last_answers import LastAnswers

EXPLAIN = "explain 1 CAD USD"


async def test_the_last_answer_is_remembered_with_its_time() -> None:
    rates, clock = FakeRates({EXPLAIN: "one"}), Clock()
    memory = LastAnswers(rates, clock)
    assert memory.last(EXPLAIN) is None
    assert await memory.ask(EXPLAIN) == "one"
    assert memory.last(EXPLAIN) == ("one", EVENING)
    clock.now += timedelta(hours=1)
    rates.replies[EXPLAIN] = "two"
    await memory.ask(EXPLAIN)
    assert memory.last(EXPLAIN) == ("two", EVENING + timedelta(hours=1))


async def test_errors_and_failures_leave_what_was_known() -> None:
    rates = FakeRates({EXPLAIN: "one"})
    memory = LastAnswers(rates, Clock())
    await memory.ask(EXPLAIN)
    rates.replies[EXPLAIN] = "error no-rates-known none"
    assert await memory.ask(EXPLAIN) == "error no-rates-known none"
    del rates.replies[EXPLAIN]
    with pytest.raises(ServiceUnavailable):
        await memory.ask(EXPLAIN)
    assert memory.last(EXPLAIN) == ("one", EVENING)


@pytest.mark.parametrize("request_line", ["hold 1 CAD USD", "quote X", "redeem X", "sources"])
async def test_what_is_no_question_about_rates_is_not_remembered(request_line: str) -> None:
    memory = LastAnswers(FakeRates({request_line: "quote=X status=held"}), Clock())
    await memory.ask(request_line)
    assert memory.last(request_line) is None


async def test_what_was_used_last_is_kept_within_the_bound() -> None:
    requests = [f"rates {n}" for n in range(10)]
    memory = LastAnswers(FakeRates(dict.fromkeys(requests, "x" * 93)), Clock(), 300)
    for request in requests[:3]:
        await memory.ask(request)
    assert memory.last("rates 0") is not None
    await memory.ask("rates 3")
    kept = [request for request in requests if memory.last(request)]
    assert kept == ["rates 0", "rates 2", "rates 3"]
    for _ in range(5):  # Asking again takes no more room.
        await memory.ask("rates 3")
    assert [request for request in requests if memory.last(request)] == kept


async def test_an_answer_beyond_the_bound_is_not_remembered() -> None:
    memory = LastAnswers(FakeRates({EXPLAIN: "x" * 1000}), Clock(), 300)
    assert await memory.ask(EXPLAIN) == "x" * 1000
    assert memory.last(EXPLAIN) is None


async def test_all_is_forgotten_where_replies_cannot_be_trusted() -> None:
    memory = LastAnswers(FakeRates({EXPLAIN: "one", "rates CAD": "x" * 250}), Clock(), 300)
    await memory.ask(EXPLAIN)
    memory.drop()
    assert memory.last(EXPLAIN) is None
    await memory.ask("rates CAD")
    assert memory.last("rates CAD") is not None
