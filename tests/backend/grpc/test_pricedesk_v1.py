"""Our own gRPC services, by a real client, on both servers."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from grpc import StatusCode

from grpc_doors import Caller, told
from held import quote_id
from pricedesk import errors
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.grpc.definitions import message_class
from pricedesk.backend.grpc.pricedesk_v1 import Rates
from pricedesk.backend.grpc.statuses import STATUS, Status
from pricedesk.backend.news import News
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.backend.rates import Provenance, Publication
from pricedesk.backend.store import RawDocument, Store
from pricedesk.errors import PricedeskError
from pricedesk.http.routes import STATUS as HTTP_STATUS

RATES, QUOTES = "/pricedesk.v1.Rates", "/pricedesk.v1.Quotes"


def message(name: str, /, **fields: Any) -> bytes:  # noqa: ANN401  # a message's fields
    """The bytes of a message; `from` is a word of Python's, so that it is from_ here."""
    named = {name.rstrip("_"): value for name, value in fields.items()}
    data: bytes = message_class(f"pricedesk.v1.{name}")(**named).SerializeToString()
    return data


def of(name: str, data: bytes) -> Any:  # noqa: ANN401  # a message
    return message_class(f"pricedesk.v1.{name}").FromString(data)


LAPTOP = {"amount": "1100", "from_": "CAD", "to": "USD"}


async def test_a_conversion_has_the_texts_of_the_other_doors(client: Caller) -> None:
    answer = of(
        "Conversion", await client.ask(f"{RATES}/Convert", message("ConvertRequest", **LAPTOP))
    )
    assert answer == message_class("pricedesk.v1.Conversion")(
        amount="1100",
        **{"from": "CAD"},
        to="USD",
        result="787.47",
        rate="0.715878508266",
        date="2026-10-30",
        source="ECB",
        state="fresh",
    )


@pytest.mark.parametrize(
    ("asked", "result", "day"),
    [
        ({"amount": "1100"}, "787.47", "2026-10-30"),
        ({"amount": "1100", "from_": "eur"}, "1228.92", "2026-10-30"),
        ({"amount": "1100", "to": "JPY", "on": "2020-02-14"}, "91221", "2020-02-14"),
        ({"amount": "-0.5", "from_": "EUR", "to": "EUR"}, "-0.50", "2026-10-30"),
        ({"amount": "1", "from_": "EUR", "sources": ["ecb"]}, "1.12", "2026-10-30"),
    ],
)
async def test_what_is_not_said_is_the_services_default(
    client: Caller, asked: dict[str, Any], result: str, day: str
) -> None:
    answer = of(
        "Conversion", await client.ask(f"{RATES}/Convert", message("ConvertRequest", **asked))
    )
    assert (answer.result, answer.date) == (result, day)


async def test_a_conversion_has_its_reasons_where_they_are_asked_for(client: Caller) -> None:
    asked = message("ConvertRequest", **LAPTOP, explain=True)
    said = of("Conversion", await client.ask(f"{RATES}/Convert", asked)).explanation
    assert (said.missed, list(said.path)) == (0, ["CAD", "EUR", "USD"])
    assert [(p.pair, p.rate) for p in said.published] == [
        ("EUR/CAD", "1.5606"),
        ("EUR/USD", "1.1172"),
    ]
    assert (said.unrounded, said.rounding) == ("787.466359092657", "half-up")
    assert (list(said.pegs), list(said.others), len(said.document)) == ([], [], 64)


async def test_a_parity_is_named_wherever_it_answers(client: Caller, bureau: Bureau) -> None:
    bureau.book = RateBook(bureau.book, Order(("ECB", PEG)), all_pegs())
    for explain in (False, True):
        asked = message("ConvertRequest", amount="1", from_="USD", to="AED", explain=explain)
        answer = of("Conversion", await client.ask(f"{RATES}/Convert", asked))
        assert [(peg.pair, peg.rate) for peg in answer.pegs] == [("USD/AED", "3.6725")]
        assert (answer.source, answer.rate) == ("", "3.6725")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"amount": "1e3"}, (StatusCode.INVALID_ARGUMENT, "invalid-amount")),
        ({}, (StatusCode.INVALID_ARGUMENT, "invalid-amount")),
        ({"amount": "1", "to": "XYZ"}, (StatusCode.INVALID_ARGUMENT, "unknown-currency")),
        ({"amount": "1", "on": "14.2.2020"}, (StatusCode.INVALID_ARGUMENT, "invalid-date")),
        ({"amount": "1", "known_at": "now"}, (StatusCode.INVALID_ARGUMENT, "invalid-date")),
        ({"amount": "1", "sources": ["X"]}, (StatusCode.INVALID_ARGUMENT, "invalid-request")),
        ({"amount": "1", "to": "BTN"}, (StatusCode.NOT_FOUND, "no-rate-for-currency")),
        ({"amount": "1", "on": "1998-12-31"}, (StatusCode.NOT_FOUND, "no-rate-for-date")),
    ],
)
async def test_a_conversion_is_refused_by_name(
    client: Caller, asked: dict[str, Any], expected: tuple[StatusCode, str]
) -> None:
    error = await client.refusal(f"{RATES}/Convert", message("ConvertRequest", **asked))
    code, _, slug = told(error)
    assert (code, slug) == expected


async def test_many_conversions_come_in_their_order_some_at_a_time(client: Caller) -> None:
    items = [{"amount": str(n), "from": "EUR", "to": "EUR"} for n in range(1035)]
    items[7] = {"amount": "x"}
    asked = message("ConvertManyRequest", items=items)
    parts = [
        of("ConvertManyResponse", part)
        async for part in client.stream(f"{RATES}/ConvertMany", asked)
    ]
    assert [len(part.results) for part in parts] == [25] * 41 + [10]
    results = [result for part in parts for result in part.results]
    failure = results.pop(7).failure
    assert (failure.slug, failure.detail) == ("invalid-amount", '"x" is not a number')
    assert [r.conversion.result for r in results] == [f"{n}.00" for n in range(1035) if n != 7]


async def test_no_more_than_ten_thousand_conversions_are_one_request(client: Caller) -> None:
    items = [{"amount": "1"}] * 10_000
    stream = client.stream(f"{RATES}/ConvertMany", message("ConvertManyRequest", items=items))
    assert sum([len(of("ConvertManyResponse", part).results) async for part in stream]) == 10_000
    too_many = message("ConvertManyRequest", items=[*items, {"amount": "1"}])
    with pytest.raises(Exception, match="10001 items are too many: at most 10000 in a request"):
        await client.stream(f"{RATES}/ConvertMany", too_many).read()


async def test_the_currencies_are_those_of_the_newest_publications(client: Caller) -> None:
    codes = of("ListCurrenciesResponse", await client.ask(f"{RATES}/ListCurrencies")).codes
    assert (codes[0], len(codes)) == ("AUD", 30)


# Publications.


def accepted(store: Store, bureau: Bureau, day: date, revision: int = 1) -> Publication:
    """Let a publication be kept, and answered from."""
    content = f"{day} {revision}".encode()
    provenance = Provenance(
        sha256(content).hexdigest(), datetime.fromisoformat("2026-10-30T15:00:00Z")
    )
    publication = replace(bureau.book.newest, date=day, revision=revision, provenance=provenance)
    store.add(RawDocument("ECB", "a document", content, provenance), [publication])
    bureau.take([publication])
    return publication


async def test_who_names_no_number_hears_of_what_is_accepted_from_then_on(
    store: Store, bureau: Bureau
) -> None:
    accepted(store, bureau, date(2026, 11, 2))

    async def next_day(_book: RateBook) -> None:
        accepted(store, bureau, date(2026, 11, 3))

    async for number, publication in News(bureau, store).after(None, next_day):
        assert (number, publication.date) == (2, date(2026, 11, 3))
        break


async def test_a_publication_is_told_as_it_was_published(
    client: Caller, store: Store, bureau: Bureau
) -> None:
    accepted(store, bureau, date(2026, 11, 2))
    watch = client.stream(
        f"{RATES}/WatchPublications", message("WatchPublicationsRequest", after=0)
    )
    found = of("Publication", await anext(aiter(watch)))
    assert (found.sequence, found.source, found.date, found.revision) == (1, "ECB", "2026-11-02", 1)
    assert (found.pivot, found.per_pivot) == ("EUR", True)
    values = {value.currency: (value.units, value.value) for value in found.values}
    assert (values["USD"], values["CAD"]) == ((1, "1.1172"), (1, "1.5606"))
    watch.cancel()


async def test_who_names_a_number_misses_nothing(
    client: Caller, store: Store, bureau: Bureau
) -> None:
    for day in range(2, 12):
        accepted(store, bureau, date(2026, 11, day))
    accepted(store, bureau, date(2026, 11, 11), 2)
    watch = client.stream(
        f"{RATES}/WatchPublications", message("WatchPublicationsRequest", after=7)
    )
    told_of = aiter(watch)
    found = [of("Publication", await anext(told_of)) for _ in range(4)]
    assert [(p.sequence, p.date, p.revision) for p in found] == [
        (8, "2026-11-09", 1),
        (9, "2026-11-10", 1),
        (10, "2026-11-11", 1),
        (11, "2026-11-11", 2),
    ]
    accepted(store, bureau, date(2026, 11, 12))
    assert of("Publication", await anext(told_of)).sequence == 12
    watch.cancel()


async def test_for_who_reads_slowly_little_is_kept_and_nothing_is_missed(
    store: Store, bureau: Bureau
) -> None:
    for number in range(25):
        accepted(store, bureau, date(2026, 11, 2) + timedelta(days=number))
    listener = News(bureau, store).after(0)
    numbers = []
    async for number, _ in listener:
        numbers.append(number)
        assert len(listener.ag_frame.f_locals["found"]) <= 10  # type: ignore[attr-defined]  # from inside
        if number == 25:
            break
    assert numbers == list(range(1, 26))


async def test_a_number_below_zero_is_none(client: Caller) -> None:
    asked = message("WatchPublicationsRequest", after=-1)
    with pytest.raises(Exception, match="after is -1: numbers begin with 1"):
        await client.stream(f"{RATES}/WatchPublications", asked).read()


@pytest.mark.parametrize(("kept", "after"), [(0, 1), (2, 3), (2, 2**63 - 1)])
async def test_a_number_above_the_newest_is_of_another_store_and_refused_at_once(
    client: Caller, store: Store, bureau: Bureau, kept: int, after: int
) -> None:
    for day in range(kept):
        accepted(store, bureau, date(2026, 11, 2 + day))
    asked = message("WatchPublicationsRequest", after=after)
    error = await client.refusal(f"{RATES}/WatchPublications", asked, seconds=10)
    sentence = (
        f"after is {after}, but the newest publication here has the number {kept}:"
        " the store was replaced or restored since; after 0 gives all that are kept"
    )
    assert told(error) == (StatusCode.OUT_OF_RANGE, sentence, "out-of-range")


async def test_who_has_heard_the_newest_waits_for_the_next(store: Store, bureau: Bureau) -> None:
    news = News(bureau, store)
    accepted(store, bureau, date(2026, 11, 2))
    asked = message("WatchPublicationsRequest", after=1)
    watch = Rates(bureau, news).watch_publications(asked)
    first = asyncio.ensure_future(anext(aiter(watch)))
    async with asyncio.timeout(60):
        while not (news._books._waiting or first.done()):  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0)
        accepted(store, bureau, date(2026, 11, 3))
        assert of("Publication", await first).sequence == 2


# Quotes.


async def test_a_price_is_held_looked_at_and_redeemed(client: Caller) -> None:
    asked = message("HoldRequest", **LAPTOP, ref="laptop", name="A laptop", key="k", customer="c")
    held = of("Quote", await client.ask(f"{QUOTES}/Hold", asked))
    assert (held.id, held.status, held.ended) == (quote_id(1), "held", "")
    assert held.record.startswith(f"quote={quote_id(1)} ref=laptop name=A%20laptop amount=1100 ")
    assert (held.fields["result"], held.fields["to"], held.fields["name"]) == (
        "787.47",
        "USD",
        "A laptop",
    )
    assert "rules" not in held.fields
    assert of("Quote", await client.ask(f"{QUOTES}/Hold", asked)) == held
    one = message("QuoteRequest", id=held.id.lower())
    assert of("Quote", await client.ask(f"{QUOTES}/Get", one)) == held
    redeemed = of("Quote", await client.ask(f"{QUOTES}/Redeem", one))
    assert (redeemed.status, redeemed.ended, redeemed.record) == (
        "redeemed",
        "2026-10-30T18:00:00Z",
        held.record,
    )
    code, _, slug = told(await client.refusal(f"{QUOTES}/Cancel", one))
    assert (code, slug) == (StatusCode.FAILED_PRECONDITION, "quote-redeemed")


async def test_a_price_may_be_cancelled(client: Caller) -> None:
    held = of("Quote", await client.ask(f"{QUOTES}/Hold", message("HoldRequest", **LAPTOP)))
    one = message("QuoteRequest", id=held.id)
    assert of("Quote", await client.ask(f"{QUOTES}/Cancel", one)).status == "cancelled"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"amount": "1"}, (StatusCode.INVALID_ARGUMENT, "invalid-request")),
        ({**LAPTOP, "ref": "x" * 65}, (StatusCode.INVALID_ARGUMENT, "invalid-request")),
        ({**LAPTOP, "amount": "-1"}, (StatusCode.INVALID_ARGUMENT, "invalid-amount")),
        ({**LAPTOP, "expects": "787.46"}, (StatusCode.ABORTED, "price-changed")),
        ({**LAPTOP, "to": "BTN"}, (StatusCode.NOT_FOUND, "no-rate-for-currency")),
    ],
)
async def test_a_price_is_not_held_for_a_reason_that_has_a_name(
    client: Caller, asked: dict[str, Any], expected: tuple[StatusCode, str]
) -> None:
    error = await client.refusal(f"{QUOTES}/Hold", message("HoldRequest", **asked))
    code, _, slug = told(error)
    assert (code, slug) == expected


async def test_a_key_of_another_request_exists_already(client: Caller) -> None:
    await client.ask(f"{QUOTES}/Hold", message("HoldRequest", **LAPTOP, key="k"))
    other = message("HoldRequest", **{**LAPTOP, "amount": "1"}, key="k")
    code, _, slug = told(await client.refusal(f"{QUOTES}/Hold", other))
    assert (code, slug) == (StatusCode.ALREADY_EXISTS, "quote-key-reused")


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        (quote_id(9), (StatusCode.NOT_FOUND, "unknown-quote")),
        ("x", (StatusCode.INVALID_ARGUMENT, "invalid-request")),
        ("", (StatusCode.INVALID_ARGUMENT, "invalid-request")),
    ],
)
async def test_a_quote_that_there_is_not(
    client: Caller, id_: str, expected: tuple[StatusCode, str]
) -> None:
    for method in ("Get", "Redeem", "Cancel"):
        error = await client.refusal(f"{QUOTES}/{method}", message("QuoteRequest", id=id_))
        code, _, slug = told(error)
        assert (code, slug) == expected


# Statuses.


def test_every_failure_that_a_question_can_meet_has_a_status() -> None:
    elsewhere = {
        # What is about sources, quarantine, the shop and settings no call of this door meets.
        *(errors.RefusedDocument, errors.DownloadFailed, errors.UnknownWithheldValue),
        *(errors.DecidedAlready, errors.CannotRelease, errors.UnknownProduct),
        *(errors.InvalidCatalogue, errors.InvalidPriceRules, errors.InvalidSetting),
    }
    assert STATUS.keys() == HTTP_STATUS.keys() - elsewhere
    assert Status.OK not in STATUS.values()
    assert all(issubclass(kind, PricedeskError) for kind in STATUS)


def test_the_codes_are_grpcs_own() -> None:
    assert {status.name: status.value for status in Status} == {
        code.name: code.value[0] for code in StatusCode if code.name in Status.__members__
    }
