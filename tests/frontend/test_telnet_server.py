"""The desk's sessions: what a customer types, what comes back, to the byte."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FRESH, FakeRates
from held import DAY
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.currencies import currency
from pricedesk.frontend.catalogue import Catalogue, Product
from pricedesk.frontend.customers import key_of
from pricedesk.frontend.menu import Menu
from pricedesk.frontend.price_rules_file import parse_price_rules
from pricedesk.frontend.terminal_text import COLUMNS, columns
from pricedesk.money import Money
from telnet_desk import BOOK, PRODUCTS, Customer, TelnetDesk, shop_of, telnet_desk

REQUEST = "explain 1100.00 CAD USD"
AWAY = b"The price cannot be computed now because the conversion service cannot be reached.\n"
CAD, USD = currency("CAD"), currency("USD")
RULES = parse_price_rules(
    "[default]\nmargin_percent = 2.5\n[USD]\nending = 0.99\n[EUR]\nstep = 0.05\n", "rules.toml"
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[TelnetDesk]:
    async with telnet_desk(tmp_path) as made:
        yield made


# The tutorial's dialogue.


@pytest.mark.parametrize(
    ("line", "replies", "said"),
    [
        (b"1", {REQUEST: FRESH}, b"Today your item costs 787.47 USD\n"),
        (b"\xff\x00", {}, b"Wrong selection. Please try again\n"),
        (b"1", {}, AWAY),
        (
            b"1",
            {REQUEST: "error no-rate-for-date there is no rate for CAD on 1998-01-01"},
            b"The price cannot be computed now: there is no rate for CAD on 1998-01-01.\n",
        ),
        (b"1", {REQUEST: "787.47"}, AWAY),
    ],
)
async def test_a_choice_is_answered(line: bytes, replies: dict[str, str], said: bytes) -> None:
    assert await Customer(shop_of(FakeRates(replies))).types(line) == said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (FRESH, "787.47"),
        (FRESH, ""),
        ("amount=1100.00", "amount=35000.00"),
        ("from=CAD", "from=EUR"),
        ("to=USD", "to=EUR"),
        ("result=787.47", "result=-787.47"),
        ("result=787.47", "result="),
        ("result=787.47", "result=787"),
        ("result=787.47", "result=787.470"),
        ("result=787.47", "result=\x1b[2J"),
        ("date=2026-10-30", "date=today"),
        ("source=ECB", "source=\x1b[2J"),
        ("state=fresh", "state="),
        ("missed=0", "missed=?"),
        ("attribution=none", "attribution=\x1b[2J"),
        ("attribution=none", "attribution=http://example.com"),
    ],
)
async def test_a_reply_that_is_not_the_answer_to_the_question_gives_no_price(
    right: str, wrong: str
) -> None:
    rates = FakeRates({REQUEST: FRESH.replace(right, wrong)})
    assert await Customer(shop_of(rates)).types(b"1") == AWAY


async def test_a_product_that_was_taken_out_of_the_catalogue_has_no_price() -> None:
    shop = shop_of(FakeRates({REQUEST: FRESH}), Catalogue(PRODUCTS[1:]))
    customer = Customer(shop, Menu(PRODUCTS))
    for line in ("1", "why 1", "hold 1"):
        assert await customer.types(line) == b"This product is not sold any more.\n"


async def test_the_tutorials_dialogue_is_the_same_in_every_language_and_terminal(
    desk: TelnetDesk,
) -> None:
    for utf8 in (False, True):
        customer = desk.customer(utf8=utf8)
        assert customer.session.greeting == (
            b"Which product you wish to buy ?\n1. A laptop\n2. A PC\n3. A server\n"
        )
        await customer.types("lang fr")
        assert await customer.types("1") == b"Today your item costs 787.47 USD\n"
        assert await customer.types("4") == b"Wrong selection. Please try again\n"
        await customer.types("in JPY")
        assert await customer.types("1") == b"Today your item costs 123829 JPY\n"
        desk.rates.away = True
        assert await customer.types("1") == AWAY
        desk.rates.away = False


def test_the_tutorials_dialogue_needs_no_table_of_languages() -> None:
    """Babel takes a while to load, and nobody has asked for it yet."""
    program = """
import asyncio, sys
import pricedesk.frontend.service
from fakes import FRESH, FakeRates
from pricedesk.frontend.catalogue_csv import packaged_catalogue
from pricedesk.frontend.last_answers import LastAnswers
from pricedesk.frontend.desk import Desk
from pricedesk.frontend.menu import Menu
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.telnet_server import SharedPrices, TelnetSession
from pricedesk.currencies import currency
from pricedesk.line_service import Peer
rates, usd, products = FakeRates({"%s": FRESH}), currency("USD"), packaged_catalogue()
shop = Shop(lambda: products, Desk(rates, usd), LastAnswers(rates, None), None, rates)
session = TelnetSession(Menu(products), shop, usd, Peer("192.0.2.7"), str, SharedPrices(float))
async def said(line): return await session.answer(line)
print(asyncio.run(said(b"1")), "babel" in sys.modules)
for line in (b"4", b"help", b"in EUR"):
    session.answer(line)
print("babel" in sys.modules)
session.answer(b"lang fr")
print("babel" in sys.modules)
"""
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program % REQUEST],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": tests},
    )
    said = r"b'Today your item costs 787.47 USD\n'"
    assert done.stdout == f"{said} False\nFalse\nTrue\n"


# The words beyond it.

HELP = b"""\
You can type:
  1 - 3       the price of a product, by its number
  why 1       why number 1 costs what it costs, step by step
  hold 1      hold the price of number 1 for you, for a while
  quote ID    a price that was held, and what became of it
  redeem ID   buy at a price that was held
  cancel ID   give a price up that was held
  find WORDS  the products that have these words
  menu        all products
  more        go on with the last list
  in EUR      prices in another currency; in alone says in which
  lang fr     another language; lang alone says which there are
  help        this list
  quit        say goodbye and close the connection
"""

NO_WORDS = [
    ("why", b"why needs a number of the menu, from 1 to 3.\n"),
    ("why 4", b'why needs a number of the menu, from 1 to 3: "4" is none.\n'),
    ("hold 01", b'hold needs a number of the menu, from 1 to 3: "01" is none.\n'),
    ("hold 1 2", b'hold needs a number of the menu, from 1 to 3: "1 2" is none.\n'),
    ("quote", b"quote needs the id of a quote, such as 7F3K-9QXD-2MTA.\n"),
    (
        "redeem \u00e9",
        'redeem needs the id of a quote, such as 7F3K-9QXD-2MTA: "\u00e9" is none.\n'.encode(),
    ),
    (
        f"cancel {'x' * 41}",
        b'cancel needs the id of a quote, such as 7F3K-9QXD-2MTA:\n  "%b..." is none.\n'
        % (b"x" * 40),
    ),
    ("in XYZ", b'The currency stays USD: "XYZ" is not an ISO 4217 currency code.\n'),
    ("in EUR USD", b'in EUR has no more words after it: "USD" is too many.\n'),
    ("lang xx", b'"xx" is not spoken here. There are: en, fr.\n'),
    ("lang de", b'"de" is not spoken here. There are: en, fr.\n'),
    ("lang fr 12", b'"fr-12" is not spoken here. There are: en, fr.\n'),
    ("find", b"find needs words, as in: find laptop\n"),
    ("find tower", b'No product has the words "tower".\n'),
    ("find ...", b'No product has the words "...".\n'),
    ("help me", b'help has no more words after it: "me" is too many.\n'),
    ("more 2", b'more has no more words after it: "2" is too many.\n'),
    ("menu 2", b'menu has no more words after it: "2" is too many.\n'),
    ("quit now", b'quit has no more words after it: "now" is too many.\n'),
]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("help", HELP),
        ("HELP", HELP),
        ("in", b"Prices are in USD.\n"),
        ("in eur", b"Prices are in EUR now.\n"),
        ("lang", b"Language: English. There are: en, fr.\n"),
        ("lang en", b"Language: English.\n"),
        ("lang en_GB", b"Language: English (United Kingdom).\n"),
        ("lang fr", b"Langue : francais.\n"),
        ("lang FR-ca", b"Langue : francais (Canada).\n"),
        ("find SERV", b"3. A server\n"),
        ("find a p", b"2. A PC\n"),
        ("menu", b"1. A laptop\n2. A PC\n3. A server\n"),
        ("more", b"There are no more products in this list.\n"),
        ("quit", b"Goodbye.\n"),
        ("laptop", b"Wrong selection. Please try again\n"),
        *NO_WORDS,
    ],
)
async def test_a_word_is_answered(line: str, said: bytes, desk: TelnetDesk) -> None:
    customer = desk.customer()
    assert await customer.types(line) == said
    assert customer.session.finished == (line == "quit")


async def test_a_price_is_explained_step_by_step(desk: TelnetDesk) -> None:
    customer = desk.customer(rules=RULES)
    assert (
        await customer.types("why 1")
        == b"""\
Why this price: A laptop
  The shop's own price             CA$1,100.00
  Published rate                   1 CAD = 0.715878508266 USD
  Published by                     ECB, 30 October 2026 (fresh)
  Path                             CAD/EUR/USD
  Converted at the published rate  $787.47
  Margin of 2.5%                   $807.16
  Up to a price that ends in 0.99  $807.99
  Price                            $807.99
"""
    )
    await customer.types("in EUR")
    assert (await customer.types("why 1")).endswith(b"""\
  Path                             CAD/EUR
  Converted at the published rate  EUR704.86
  Margin of 2.5%                   EUR722.48
  To the nearest multiple of 0.05  EUR722.50
  Price                            EUR722.50
""")
    assert await customer.types("1") == b"Today your item costs 722.50 EUR\n"
    await customer.types("in CAD")
    assert (
        await customer.types("why 1")
        == b"""\
Why this price: A laptop
  The shop's own price  CA$1,100.00
  Price                 CA$1,100.00
"""
    )


PEGGED = """\
Why this price: A laptop
  The shop's own price             CA$1,100.00
  Published rate                   1 CAD = 420.32359349 XOF
  Published by                     ECB, 30 October 2026 (fresh)
  Official parity                  EUR/XOF 655.957
  Path                             CAD/EUR/XOF
  Converted at the published rate  F CFA462,356
  Price                            F CFA462,356
"""
IN_DOLLARS = """\
Why this price: A pen
  The shop's own price             $10.00
  Published rate                   1 USD = 3.6725 AED
  Official parity                  USD/AED 3.6725
  Path                             USD/AED
  Converted at the published rate  AED36.73
  Price                            AED36.73
"""


async def test_an_official_parity_is_named_where_a_price_is_explained(tmp_path: Path) -> None:
    pegged = RateBook(BOOK, Order(("ECB", PEG)), all_pegs())
    async with telnet_desk(tmp_path, pegged) as desk:
        customer = desk.customer()
        assert await customer.says("in XOF", "why 1") == PEGGED
        in_french = await customer.says("lang fr", "why 1")
        assert "\n  Parite officielle        EUR/XOF 655,957\n" in in_french
        await customer.says("lang en")
        held = await customer.says("hold 1", "quote 0000-0000-0001")
        assert "\n  Official parity                  EUR/XOF 655.957\n" in held
        customer = desk.customer(Catalogue([Product("pen", "A pen", Money(1000, USD))]))
        assert await customer.says("in AED", "why 1") == IN_DOLLARS


async def test_a_refusal_is_told_in_the_customers_language(desk: TelnetDesk) -> None:
    customer = desk.customer()
    await customer.types("lang fr")
    assert await customer.types("in XXX") == (
        b"La monnaie reste USD : cette monnaie n'existe pas.\n"
    )
    assert await customer.types("quote 0000-0000-0001") == (
        b"L'offre ne peut pas etre affichee : il n'y a pas d'offre avec cet identifiant.\n"
        b"  Il est peut-etre mal saisi.\n"
    )
    await customer.types("hold 1")
    await customer.types("cancel 0000-0000-0001")
    assert await customer.types("redeem 0000-0000-0001") == (
        b"Cela n'a pas ete fait : elle a deja ete annulee.\n"
    )
    await customer.types("in KWD")
    no_rate = b"il n'y a pas de taux publie pour cela.\n"
    assert await customer.types("hold 1") == b"Le prix n'est pas garanti : " + no_rate
    assert (await customer.types("why 1")).replace(b"\n ", b"").endswith(no_rate)


async def test_late_and_stale_rates_are_marked_in_words(desk: TelnetDesk) -> None:
    desk.clock.now += 4 * DAY
    said = await desk.customer().types("why 1")
    assert b"ECB, 30 October 2026 (stale: 2 publications missed)\n" in said


async def test_amounts_dates_and_texts_are_in_the_language(desk: TelnetDesk) -> None:
    customer = desk.customer(utf8=True)
    assert await customer.types("lang fr-CA") == "Langue : fran\u00e7ais (Canada).\n".encode()
    assert (await customer.types("why 1")).decode() == (
        "Pourquoi ce prix : A laptop\n"
        "  Prix du magasin          1\u00a0100,00\u00a0$\n"
        "  Taux publi\u00e9              1 CAD = 0,715878508266 USD\n"
        "  Publi\u00e9 par               ECB, 30 octobre 2026 (\u00e0 jour)\n"
        "  Chemin                   CAD/EUR/USD\n"
        "  Converti au taux publi\u00e9  787,47\u00a0$\u00a0US\n"
        "  Prix                     787,47\u00a0$\u00a0US\n"
    )
    await customer.types("lang en")
    assert (await customer.types("why 1")).endswith(b"  $787.47\n")


async def test_numbers_in_reasons_are_in_the_language_with_all_their_digits(
    desk: TelnetDesk,
) -> None:
    rules = parse_price_rules(
        "[default]\nmargin_percent = 2.5\n[USD]\nending = 0.99\nfloor = 4.99\n[JPY]\nstep = 1000\n",
        "rules.toml",
    )
    customer = desk.customer(rules=rules)
    await customer.types("lang fr")
    reasons = """\
  Prix du magasin                     1 100,00 $CA
  Taux publie                         1 CAD = 0,715878508266 USD
  Publie par                          ECB, 30 octobre 2026 (a jour)
  Chemin                              CAD/EUR/USD
  Converti au taux publie             787,47 $US
  Marge de 2,5 %                      807,16 $US
  Jusqu'a un prix qui finit par 0,99  807,99 $US
  Jamais moins de 4,99                807,99 $US
  Prix                                807,99 $US
"""
    assert await customer.says("why 1") == f"Pourquoi ce prix : A laptop\n{reasons}"
    await customer.types("hold 1")
    assert reasons in await customer.says("quote 0000-0000-0001")
    (recorded,) = [sent for sent in desk.rates.requests if sent.startswith("hold")]
    assert ";margin=2.5:807.16;ending=0.99:807.99;floor=4.99:807.99" in recorded
    assert await customer.types("1") == b"Today your item costs 807.99 USD\n"
    in_yen = await customer.says("in JPY", "why 1")
    assert "Au multiple de 1 000 le plus proche" in in_yen
    assert "1 CAD = 112,572087659 JPY" in in_yen


HELD = b"""\
A laptop is held for you at $787.47.
  Quote  0000-0000-0001
  Until  31 October 2026, 6:00:00 pm UTC
To have it at this price, type: redeem 0000-0000-0001
If you do not want it any more: cancel 0000-0000-0001
"""

QUOTE = b"""\
  Product                          A laptop
  The shop's own price             CA$1,100.00
  Published rate                   1 CAD = 0.715878508266 USD
  Published by                     ECB, 30 October 2026 (fresh)
  Path                             CAD/EUR/USD
  Converted at the published rate  $787.47
  Price                            $787.47
  Until                            31 October 2026, 6:00:00 pm UTC
"""


async def test_a_price_is_held_and_redeemed(desk: TelnetDesk) -> None:
    customer = desk.customer()
    assert await customer.types("hold 1") == HELD
    desk.clock.now += timedelta(hours=1, seconds=1)
    left = b"  Time left                        22:59:59\n"
    assert await customer.types("quote 0000-0000-0001") == (
        b"Quote 0000-0000-0001: held\n" + QUOTE + left
    )
    redeemed = (
        b"Quote 0000-0000-0001: redeemed\n"
        + QUOTE
        + b"This price was redeemed on 30 October 2026, 7:00:01 pm UTC.\n"
    )
    assert await customer.types("redeem 0000 0000 oool") == redeemed
    desk.clock.now += DAY
    assert await customer.types("redeem 000000000001") == redeemed
    assert await desk.customer().types("quote 0000-0000-0001") == redeemed
    assert await customer.types("cancel 0000-0000-0001") == (
        b"That was not done: 0000-0000-0001 was redeemed at 2026-10-30T19:00:01Z.\n"
    )


async def test_a_held_price_is_cancelled(desk: TelnetDesk) -> None:
    customer = desk.customer()
    await customer.types("hold 1")
    said = await customer.types("cancel 0000-0000-0001")
    assert said.startswith(b"Quote 0000-0000-0001: cancelled\n")
    assert said.endswith(b"This quote was cancelled on 30 October 2026, 6:00:00 pm UTC.\n")
    assert await customer.types("redeem 0000-0000-0001") == (
        b"That was not done: 0000-0000-0001 was cancelled at 2026-10-30T18:00:00Z.\n"
    )


async def test_a_held_price_expires(desk: TelnetDesk) -> None:
    customer = desk.customer()
    await customer.types("hold 1")
    desk.clock.now += DAY
    assert await customer.types("quote 0000-0000-0001") == (
        b"Quote 0000-0000-0001: expired\n"
        + QUOTE
        + b"This quote expired on 31 October 2026, 6:00:00 pm UTC; its price cannot be\n"
        b"  redeemed any more.\n"
    )
    assert (await customer.types("redeem 0000-0000-0001")).startswith(b"That was not done: ")


async def test_a_quote_that_there_is_not_is_named(desk: TelnetDesk) -> None:
    assert await desk.customer().types("quote 0000-0000-000Z") == (
        b"The quote cannot be shown: there is no quote 0000-0000-000Z.\n"
    )


async def test_each_hold_has_its_own_key_and_counts_for_the_customers_address(
    desk: TelnetDesk,
) -> None:
    customer = desk.customer(rules=RULES)
    for _ in range(2):
        await customer.types("hold 1")
    holds = [
        request.partition(" asked=")[0]
        for request in desk.rates.requests
        if request.startswith("hold")
    ]
    assert holds == [
        f"hold 1100.00 CAD USD ref=laptop name=A%20laptop key={key_of(f'key-{n}', '192.0.2.7')}"
        " for=192.0.2.7"
        f" expects=787.47 price=807.99 rules=v={RULES.version};conversion=787.47USD;"
        "margin=2.5:807.16;ending=0.99:807.99"
        for n in (1, 2)
    ]


async def test_a_hold_without_an_answer_is_asked_again_with_its_key(desk: TelnetDesk) -> None:
    customer = desk.customer()
    desk.rates.loses_next = True
    said = await customer.types("hold 1")
    assert said.startswith(b"The conversion service did not answer: no price is known to be held.")
    await customer.types("hold 1")
    await customer.types("hold 1")
    assert keys_of_holds(desk) == [key_of(f"key-{n}", "192.0.2.7") for n in (1, 1, 2)]


async def test_a_hold_whose_answer_was_lost_is_made_anew_when_its_time_is_over(
    desk: TelnetDesk,
) -> None:
    customer = desk.customer()
    await customer.types("in CAD")  # at no rate: such a price is the same a day later
    desk.rates.loses_next = True
    await customer.types("hold 1")
    desk.clock.now += timedelta(days=1)
    said = (await customer.types("hold 1")).decode()
    assert "Until  1 November 2026, 6:00:00 pm UTC\n" in said
    assert "0000-0000-0001" not in said
    assert keys_of_holds(desk) == [key_of(f"key-{n}", "192.0.2.7") for n in (1, 1, 2)]


async def test_a_hold_without_an_answer_is_the_same_at_another_rate_with_the_same_price(
    desk: TelnetDesk,
) -> None:
    rules = parse_price_rules("[USD]\nending = 9.99\n", "r")
    desk.clock.now -= DAY
    customer = desk.customer(rules=rules)
    desk.rates.loses_next = True
    await customer.types("hold 1")
    desk.clock.now += DAY - timedelta(seconds=1)
    assert "0000-0000-0001" in (await customer.types("hold 1")).decode()
    assert keys_of_holds(desk) == [key_of("key-1", "192.0.2.7")] * 2


def keys_of_holds(desk: TelnetDesk) -> list[str]:
    return [
        request.partition("key=")[2].partition(" ")[0]
        for request in desk.rates.requests
        if request.startswith("hold")
    ]


@pytest.mark.parametrize(
    ("now", "same"),
    [
        (Product("laptop", "A notebook", Money(110000, CAD), "14 inches", "Computers"), True),
        (Product("laptop", "A laptop", Money(110100, CAD)), False),
    ],
)
async def test_a_hold_without_an_answer_is_the_same_while_sku_and_price_are(
    desk: TelnetDesk, now: Product, *, same: bool
) -> None:
    catalogues = [PRODUCTS]
    customer = Customer(shop_of(desk.rates, lambda: catalogues[-1], clock=desk.clock))
    desk.rates.loses_next = True
    await customer.types("hold 1")
    catalogues.append(Catalogue([now]))
    said = await customer.types("hold 1")
    assert ("0000-0000-0001" in said.decode()) is same
    keys = keys_of_holds(desk)
    assert (len(keys), len(set(keys))) == (2, 1 if same else 2)


async def test_a_price_at_a_stale_rate_is_not_held_and_the_reason_is_told(
    desk: TelnetDesk,
) -> None:
    desk.clock.now += 4 * DAY
    assert await desk.customer().types("hold 1") == (
        b"The price is not held: the rate is of 2026-10-30 (ECB) and stale: 2 later\n"
        b"  publications are due and not known here; a price is not held at such a rate.\n"
    )


async def test_a_currency_without_a_rate_is_named(desk: TelnetDesk) -> None:
    customer = desk.customer()
    await customer.types("in ARS")
    assert (await customer.types("1")).startswith(b"The price cannot be computed now: ")
    assert (await customer.types("why 1")).startswith(b"The price cannot be computed now: ")
    assert (await customer.types("hold 1")).startswith(b"The price is not held: ")
    assert b"ARS" in await customer.types("hold 1")


async def test_while_the_back_end_is_away_the_last_known_price_is_explained_but_not_held(
    desk: TelnetDesk,
) -> None:
    customer = desk.customer()
    known = await customer.types("why 1")
    await customer.types("hold 1")
    desk.rates.away = True
    desk.clock.now += timedelta(minutes=5)
    head, _, rest = known.partition(b"\n")
    assert await customer.types("why 1") == (
        head + b"\nLast known price, as of 30 October 2026, 6:00:00 pm UTC.\n" + rest
    )
    assert await customer.types("1") == AWAY
    assert await customer.types("hold 1") == (
        b"Not now: the conversion service cannot be reached.\n"
    )
    assert await customer.types("why 2") == (
        b"The price cannot be computed now because the conversion service cannot be\n  reached.\n"
    )
    assert await customer.types("redeem 0000-0000-0001") == (
        b"The conversion service cannot be reached. Please try again in a moment.\n"
    )
    desk.rates.away = False
    assert await customer.types("1") == b"Today your item costs 787.47 USD\n"


async def test_a_back_end_that_goes_in_the_middle_of_a_hold_is_told_as_it_is() -> None:
    said = await Customer(shop_of(FakeRates({REQUEST: FRESH}))).types("hold 1")
    assert said == (
        b"The conversion service did not answer: no price is known to be held. Please try\n"
        b"  again in a moment.\n"
    )


@pytest.mark.parametrize(
    ("held", "own"),
    [
        ("hold 1100 CAD USD rules=ours", b"CA$1,100.00"),
        ("hold 1100.005 CAD USD name=A%1B[31m%E2%80%AEthing", b"1100.005 CAD"),
    ],
)
async def test_a_quote_that_another_client_held_is_told_as_it_was_recorded(
    desk: TelnetDesk, held: str, own: bytes
) -> None:
    await desk.rates.ask(held)
    said = await desk.customer().types("redeem 0000-0000-0001")
    lines = said.splitlines()
    assert lines[0] == b"Quote 0000-0000-0001: redeemed"
    assert b"  The shop's own price             " + own in lines
    assert b"  Price                            $787.47" in lines
    assert said.replace(b"\n", b"").isascii()
    assert all(character >= 0x20 for line in lines for character in line)


# Lists.


def things(count: int) -> Catalogue:
    return Catalogue(
        Product(f"{n}", f"Thing {n}{' odd' * (n % 2)}", Money(n, CAD)) for n in range(1, count + 1)
    )


async def test_a_long_menu_goes_on_page_by_page(desk: TelnetDesk) -> None:
    customer = desk.customer(things(45))
    assert len(customer.session.greeting.splitlines()) == 46
    assert await customer.types("more") == b"There are no more products in this list.\n"
    customer = desk.customer(things(60))
    assert (await customer.types("more")).splitlines()[::20] == [
        b"21. Thing 21 odd",
        b"21 to 40 of 60; type more to go on.",
    ]
    assert (await customer.types("more")).splitlines()[::20] == [
        b"41. Thing 41 odd",
        b"41 to 60 of 60.",
    ]
    assert await customer.types("more") == b"There are no more products in this list.\n"
    assert (await customer.types("menu")).startswith(b"1. Thing 1 odd\n2. Thing 2\n")


async def test_what_is_found_keeps_its_number_in_the_menu(desk: TelnetDesk) -> None:
    customer = desk.customer(things(60))
    assert (await customer.types("find odd thing")).splitlines()[18:] == [
        b"37. Thing 37 odd",
        b"39. Thing 39 odd",
        b"1 to 20 of 30; type more to go on.",
    ]
    assert (await customer.types("more")).splitlines()[::10] == [
        b"41. Thing 41 odd",
        b"21 to 30 of 30.",
    ]
    assert await customer.types("59") == b"Today your item costs 0.42 USD\n"


# What a terminal gets.


@pytest.mark.parametrize(
    ("typed", "utf8", "found"),
    [
        ("find cafe", False, b"1. Cafe creme a 2 EUR\n"),
        ("find cafe", True, "1. Caf\u00e9 cr\u00e8me \u00e0 2 \u20ac\n".encode()),
        ("find caf\u00e9", False, "1. Caf\u00e9 cr\u00e8me \u00e0 2 \u20ac\n".encode()),
        (b"find cr\xe8me", False, b'No product has the words "cr\\xe8me".\n'),
    ],
)
async def test_a_name_is_in_utf_8_for_who_says_so_or_types_it(
    typed: str | bytes, utf8: bool, found: bytes, desk: TelnetDesk
) -> None:
    products = Catalogue([Product("c", "Caf\u00e9 cr\u00e8me \u00e0 2 \u20ac", Money(300, CAD))])
    customer = desk.customer(products, utf8=utf8)
    assert customer.session.greeting.endswith("1. Caf\u00e9 cr\u00e8me \u00e0 2 \u20ac\n".encode())
    assert await customer.types(typed) == found


async def test_a_name_that_would_steer_a_terminal_does_not(desk: TelnetDesk) -> None:
    """The catalogue refuses such names; the desk does not rely on that."""
    products = Catalogue([Product("x", "A\x1b[2J \u202ename\r\n2. B\x9b", Money(100, CAD))])
    for utf8 in (False, True):
        customer = desk.customer(products, utf8=utf8)
        assert customer.session.greeting.endswith(b"?\n1. A[2J name2. B\n")
        assert await customer.types("menu") == b"1. A[2J name2. B\n"
        for line in ("why 1", "hold 1", "quote 0000-0000-0001"):
            assert not any(b < 32 and b != 10 for b in await customer.types(line))


WORDS = ["1", "9", "why 1", "hold 1", "quote 0000-0000-0001", "redeem", "cancel", "find", "menu"]
WORDS += ["more", "in", "in EUR", "in JPY", "lang fr", "lang", "help", "quit", "find a"]
LINES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(WORDS).map(str.encode),
    st.tuples(st.sampled_from(WORDS), st.text(max_size=200)).map(
        lambda pair: " ".join(pair).encode("utf-8", "surrogatepass")
    ),
)


@given(st.lists(LINES, max_size=8), st.booleans())
def test_any_line_is_answered_with_lines_of_80_columns_and_no_control_character(
    lines: list[bytes], utf8: bool
) -> None:
    async def dialogue() -> list[bytes]:
        customer = Customer(shop_of(FakeRates({REQUEST: FRESH})), utf8=utf8)
        return [await customer.types(line.replace(b"\n", b"")) for line in lines]

    for said in map(bytes.decode, asyncio.run(dialogue())):
        assert said.endswith("\n")
        for shown in said.removesuffix("\n").split("\n"):
            assert all(c.isprintable() or c in "\u00a0\u202f" for c in shown)
            assert columns(shown) <= COLUMNS or shown.encode() == AWAY.rstrip()
