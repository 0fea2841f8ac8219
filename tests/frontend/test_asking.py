"""What the desk tells of a back-end that does not answer as it should: nothing of its insides."""

import pytest

from fakes import FakeRates
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import InvalidRequest, ServiceUnavailable
from pricedesk.frontend.asking import answered
from pricedesk.quote_lines import parse_quote_reply


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (None, "the conversion service cannot be reached"),
        (
            "error store-failed /data/x.sqlite3: disk full",
            "the conversion service cannot do that now",
        ),
        ("error internal it was logged", "the conversion service cannot do that now"),
        ("787.47", "the conversion service does not answer the question"),
    ],
)
async def test_what_fails_is_told_without_names_of_the_inside(
    reply: str | None, sentence: str
) -> None:
    rates = FakeRates({} if reply is None else {"quote X": reply})
    with pytest.raises(ServiceUnavailable) as failure:
        await answered(rates, "quote X", parse_quote_reply)
    assert str(failure.value) == sentence


async def test_a_refusal_is_handed_on() -> None:
    rates = FakeRates({"quote X": "error unknown-quote there is no quote X"})
    with pytest.raises(ErrorReply) as refusal:
        await answered(rates, "quote X", parse_quote_reply)
    assert (refusal.value.slug, refusal.value.sentence) == ("unknown-quote", "there is no quote X")


async def test_a_request_that_is_too_long_is_the_askers_fault() -> None:
    class Strict(FakeRates):
        async def ask(self, request: str) -> str:
            raise InvalidRequest("a request has at most 1024 bytes")

    with pytest.raises(InvalidRequest):
        await answered(Strict({}), "hold", parse_quote_reply)
