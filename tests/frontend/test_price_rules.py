"""Price rules: what each step does, and the laws that hold for all of them together."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.currencies import CURRENCIES, currency
from pricedesk.errors import InvalidPriceRules, InvalidRequest, UnknownCurrency
from pricedesk.frontend.price_rules import (
    CASH_STEPS,
    NO_RULES,
    Priced,
    PriceRules,
    StepName,
    parse_priced,
)
from pricedesk.frontend.price_rules_file import (
    CURRENCY_KEYS,
    FILE_BYTES_MAX,
    parse_price_rules,
    read_price_rules,
)
from pricedesk.money import Money

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_cash_steps.py"


def rules(text: str) -> PriceRules:
    return parse_price_rules(text, "rules.toml")


def money(amount: str, code: str) -> Money:
    return Money.parse(amount, currency(code))


def test_without_rules_the_conversion_is_the_price() -> None:
    priced = NO_RULES.priced(money("787.47", "USD"))
    assert (str(priced.price), priced.steps, priced.version) == ("787.47", (), "none")


@pytest.mark.parametrize(
    ("table", "code", "amount", "price"),
    [
        # A margin is rounded half up, once.
        ('margin_percent = "2.5"', "USD", "783.63", "803.22"),
        ("margin_percent = 2.50", "USD", "783.63", "803.22"),
        ("margin_percent = 3", "USD", "0.50", "0.52"),
        ("margin_percent = 1", "USD", "0.50", "0.51"),
        ("margin_percent = 0.99", "USD", "0.50", "0.50"),
        ("margin_percent = 100", "JPY", "123829", "247658"),
        ("margin_percent = 0", "USD", "787.47", "787.47"),
        # An ending is the nearest one that is not below.
        ('ending = "0.99"', "USD", "803.22", "803.99"),
        ('ending = ".99"', "USD", "803.99", "803.99"),
        ("ending = 0.99", "USD", "804.00", "804.99"),
        ('ending = "9.99"', "USD", "803.22", "809.99"),
        ('ending = "00.99"', "USD", "803.22", "900.99"),
        ('ending = "0.00"', "USD", "803.22", "804.00"),
        ('ending = "980"', "JPY", "123829", "123980"),
        ('ending = "050"', "JPY", "123051", "124050"),
        ('ending = "0.950"', "KWD", "1.951", "2.950"),
        # A step takes the nearest multiple, ties up, or the next one.
        ('step = "0.05"', "USD", "803.22", "803.20"),
        ('step = "0.50"', "USD", "803.25", "803.50"),
        ('step = "10"', "USD", "803.22", "800.00"),
        ('step = "10"\nrounding = "up"', "USD", "803.22", "810.00"),
        ('step = "10"\nrounding = "up"', "USD", "810.00", "810.00"),
        ('step = "10"\nrounding = "nearest"', "USD", "0.01", "10.00"),
        ('step = "10"', "USD", "0.00", "0.00"),
        ("step = 100", "JPY", "123829", "123800"),
        # What can be paid in cash.
        ("cash = true", "CHF", "12.37", "12.35"),
        ("cash = true", "CHF", "12.38", "12.40"),
        ("cash = true", "CHF", "0.02", "0.05"),
        ("cash = true", "DKK", "12.25", "12.50"),
        ("cash = true", "SEK", "12.49", "12.00"),
        ("cash = true", "USD", "12.37", "12.37"),
        # Never below the floor.
        ('floor = "10"', "USD", "9.99", "10.00"),
        ('floor = "10"', "USD", "10.01", "10.01"),
    ],
)
def test_each_rule_by_itself(table: str, code: str, amount: str, price: str) -> None:
    assert str(rules(f"[{code}]\n{table}\n").priced(money(amount, code)).price) == price


ALL = rules(
    """
    [default]
    margin_percent = "2.5"
    cash = true

    [USD]
    ending = "0.99"
    floor = "4.99"

    [CHF]
    margin_percent = "3.25"
    step = "0.50"
    rounding = "up"
    floor = "2.00"

    [CAD]
    margin_percent = "0"
    cash = false
    """
)


def test_the_steps_come_in_order_each_with_its_value() -> None:
    priced = ALL.priced(money("783.63", "CHF"))
    assert [
        (step.name, step.value, str(step.before), str(step.after)) for step in priced.steps
    ] == [
        (StepName.MARGIN, "3.25", "783.63", "809.10"),
        (StepName.STEP, "0.50up", "809.10", "809.50"),
        (StepName.CASH, "0.05", "809.50", "809.50"),
        (StepName.FLOOR, "2.00", "809.50", "809.50"),
    ]
    assert [(step.name, step.value) for step in ALL.priced(money("1", "USD")).steps] == [
        (StepName.MARGIN, "2.5"),
        (StepName.ENDING, "0.99"),
        (StepName.FLOOR, "4.99"),
    ]
    nearest = rules('[EUR]\nstep = "0.05"').priced(money("1", "EUR"))
    assert [(step.name, step.value) for step in nearest.steps] == [(StepName.STEP, "0.05")]


@pytest.mark.parametrize(
    ("code", "amount", "text"),
    [
        ("USD", "1.00", "conversion=1.00USD;margin=2.5:1.03;ending=0.99:1.99;floor=4.99:4.99"),
        ("SEK", "10.00", "conversion=10.00SEK;margin=2.5:10.25;cash=1.00:10.00"),
        ("EUR", "10.00", "conversion=10.00EUR;margin=2.5:10.25"),
        ("CAD", "10.01", "conversion=10.01CAD"),
        (
            "CHF",
            "1.00",
            "conversion=1.00CHF;margin=3.25:1.03;step=0.50up:1.50;cash=0.05:1.50;floor=2.00:2.00",
        ),
    ],
)
def test_a_table_takes_over_what_it_does_not_say_from_the_default(
    code: str, amount: str, text: str
) -> None:
    assert ALL.priced(money(amount, code)).text() == f"v={ALL.version};{text}"


def test_the_version_is_of_what_the_rules_say_not_of_how_they_are_written() -> None:
    first = rules('[CHF]\ncash = true\n\n[USD]\nmargin_percent = "2.50"\nending = ".99"\n')
    same = rules("# ours\n[USD]\nending = 0.99\nmargin_percent = 2.5\n[CHF]\ncash=true # Rappen\n")
    other = rules('[CHF]\ncash = true\n[USD]\nmargin_percent = "2.51"\nending = ".99"\n')
    assert first.version == same.version == "c2e9ab2b"
    assert other.version != first.version
    assert rules("").version != NO_RULES.version


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[USD\n", "Expected ']' at the end of a table declaration (at line 1, column 5)"),
        ("[USD]\nfloor = 1\nfloor = 2\n", "Cannot overwrite a value (at line 3, column 10)"),
        ("USD = 3\n", "[USD]: is a value, not a table"),
        ("[USd]\n", "[USd]: write it as [USD]"),
        ("[USX]\n", '[USX]: "USX" is not an ISO 4217 currency code, and not default'),
        ('["\\u001b"]\n', '["\\x1b"]: "\\x1b" is not an ISO 4217 currency code, and not default'),
        (
            "[USD]\nmargin = 3\n",
            (
                '[USD]: "margin" is not among the rules:'
                " margin_percent, ending, step, rounding, cash, floor"
            ),
        ),
        (
            "[default]\nending = 0.99\n",
            '[default]: "ending" is not among the rules: margin_percent, cash',
        ),
        ("default = true\n", "[default]: is a value, not a table"),
        ("[USD]\nmargin_percent = true\n", '[USD] margin_percent: must be a number, as in "2.5"'),
        ("[USD]\nmargin_percent = []\n", '[USD] margin_percent: must be a number, as in "2.5"'),
        ("[USD]\nmargin_percent = nan\n", '[USD] margin_percent: "nan" is not a number'),
        (
            "[USD]\nmargin_percent = 1e1\n",
            '[USD] margin_percent: "1e1" is not a number: write it like 1100 or 19.99',
        ),
        (
            "[USD]\nmargin_percent = -1\n",
            "[USD] margin_percent: must be from 0 to 100, with at most 6 decimals",
        ),
        (
            "[USD]\nmargin_percent = 100.01\n",
            "[USD] margin_percent: must be from 0 to 100, with at most 6 decimals",
        ),
        (
            '[USD]\nmargin_percent = "0.0000001"\n',
            "[USD] margin_percent: must be from 0 to 100, with at most 6 decimals",
        ),
        (
            '[JPY]\nending = ".99"\n',
            '[JPY] ending: ".99" has more decimals than JPY, which has 0',
        ),
        ("[JPY]\nending = 0\n", "[JPY] ending: every price in JPY ends so"),
        ("[USD]\nending = -0.99\n", "[USD] ending: must not be negative"),
        ("[USD]\nstep = 0.005\n", '[USD] step: "0.005" has more decimals than USD, which has 2'),
        ("[USD]\nstep = 0\n", "[USD] step: must be above 0"),
        (
            "[USD]\nstep = 1\nending = 0.99\n",
            "[USD]: has an ending and a step; one of them must go",
        ),
        ('[USD]\nstep = 1\nrounding = "down"\n', "[USD] rounding: must be nearest or up"),
        ("[USD]\nrounding = []\nstep = 1\n", "[USD] rounding: must be nearest or up"),
        (
            '[USD]\nrounding = "up"\n',
            "[USD] rounding: says how a step rounds; there is no step",
        ),
        ('[CHF]\ncash = "yes"\n', "[CHF] cash: must be true or false"),
        (
            "[default]\ncash = true\n[CAD]\nending = 0.99\n",
            (
                "[CAD] ending: such prices cannot be paid in cash, which goes in steps of 0.05;"
                " choose another one, or cash = false"
            ),
        ),
        (
            "[CHF]\ncash = true\nstep = 0.02\n",
            (
                "[CHF] step: such prices cannot be paid in cash, which goes in steps of 0.05;"
                " choose another one, or cash = false"
            ),
        ),
        (
            "[USD]\nending = 0.99\nfloor = 5\n",
            "[USD] floor: is a price too, so it has to end in 0.99",
        ),
        (
            '[USD]\nstep = 0.50\nrounding = "up"\nfloor = 5.25\n',
            "[USD] floor: is a price too, so it has to be a multiple of 0.50",
        ),
        (
            "[CHF]\ncash = true\nfloor = 5.01\n",
            "[CHF] floor: is a price too, so it has to be a multiple of 0.05",
        ),
        (f"[USD]\nfloor = {'9' * 17}", "[USD] floor: has more than 18 digits"),
        (f"[USD]\nstep = {'9' * 17}", "[USD] step: has more than 18 digits"),
        (f"[JPY]\nending = {'9' * 19}", "[JPY] ending: has more than 18 digits"),
        (f'[USD]\nending = "{"0" * 17}.99"', "[USD] ending: has more than 18 digits"),
        ("a = " + "[" * 5000, "is nested too deeply or has a number too long"),
        ("a = " + "9" * 5000, "is nested too deeply or has a number too long"),
    ],
)
def test_bad_rules_are_refused_with_their_place(text: str, reason: str) -> None:
    with pytest.raises(InvalidPriceRules) as refusal:
        rules(text)
    separator = ", " if reason.startswith("[") else ": "
    assert str(refusal.value) == f"rules.toml{separator}{reason}"


def test_a_file_is_read_or_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    with pytest.raises(InvalidPriceRules, match=r"rules\.toml cannot be read: No such file"):
        read_price_rules(path)
    path.write_bytes(b'[USD]\nfloor = "\xff"\n')
    with pytest.raises(InvalidPriceRules, match=r"rules\.toml, line 2: not UTF-8 text$"):
        read_price_rules(path)
    path.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(InvalidPriceRules, match=r"rules\.toml is larger than 65536 bytes$"):
        read_price_rules(path)
    path.write_text("[USD]\nfloor = 5\n")
    assert read_price_rules(path) == rules("[USD]\nfloor = 5\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=none",
        "v=none;conversion=1USD",
        "v=none;conversion=1.0.0USD",
        "v=none;conversion=.USD",
        "v=none;conversion=1.00USD;",
        "v=none;conversion=1.00USD;discount=1:1.00",
        "v=none;conversion=1.00USD;margin=1:1",
        "v=none;conversion=1.00USD;margin=1:-1.00",
        "v=none;conversion=1.00USD\n",
        "v=none;conversion=1.00USD" + ";margin=1:1.00" * 9,
        "v=none;conversion=\N{ARABIC-INDIC DIGIT THREE}.00USD",
    ],
)
def test_what_is_no_record_of_a_price_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_priced(text)


def test_a_record_in_no_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        parse_priced("v=none;conversion=1.00XXX")


def test_the_steps_of_cash_are_what_their_script_makes_from_the_cldr() -> None:
    rows: Callable[[], list[tuple[str, str]]] = runpy.run_path(str(SCRIPT))["rows"]
    assert list(CASH_STEPS.items()) == rows()
    assert {code: CASH_STEPS[code] for code in ("CAD", "CHF", "DKK", "SEK")} == {
        "CAD": "0.05",
        "CHF": "0.05",
        "DKK": "0.50",
        "SEK": "1.00",
    }


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    """A currency and a table of rules in it, of which some do not go together."""
    code = draw(st.sampled_from(["USD", "JPY", "KWD", "CHF", "CAD", "DKK", "SEK", "CLF"]))
    unit = CURRENCIES[code]
    amounts = st.integers(0, 10**6).map(lambda minor: str(Money(minor, unit)))
    keys = draw(st.sets(st.sampled_from(CURRENCY_KEYS)))
    values: dict[str, st.SearchStrategy[object]] = {
        "margin_percent": st.integers(0, 10**5).map(lambda n: f"{n // 1000}.{n % 1000:03}"),
        "ending": amounts,
        "step": amounts,
        "rounding": st.sampled_from(["nearest", "up"]),
        "cash": st.booleans(),
        "floor": amounts,
    }
    return code, {key: draw(values[key]) for key in sorted(keys)}


@st.composite
def good_rules(draw: st.DrawFn) -> tuple[str, dict[str, object], PriceRules]:
    """Rules as they can be, with what was asked for."""
    code, table = draw(tables())
    while True:
        lines = [f"{k} = {str(v).lower() if k == 'cash' else repr(v)}" for k, v in table.items()]
        try:
            return code, table, rules("\n".join([f"[{code}]", *lines]))
        except InvalidPriceRules:
            # Fewer rules contradict each other less; none never do.
            table.pop(draw(st.sampled_from(sorted(table))))


@given(good_rules(), st.lists(st.integers(0, 10**9), min_size=2, max_size=2))
def test_the_laws_of_prices(
    made: tuple[str, dict[str, object], PriceRules], amounts: list[int]
) -> None:
    """Dearer is never cheaper, the floor holds, endings end so, steps are small and on record."""
    code, table, all_rules = made
    unit = CURRENCIES[code]
    low, high = (all_rules.priced(Money(minor, unit)) for minor in sorted(amounts))
    assert low.price.amount_minor <= high.price.amount_minor
    for priced in (low, high):
        price = priced.price.amount_minor
        if "floor" in table:
            assert price >= Money.parse(str(table["floor"]), unit).amount_minor
        if "ending" in table:
            ending = str(table["ending"])
            digits = ending.replace(".", "").lstrip("0") if unit.minor_digits else ending
            assert str(price).zfill(len(digits)).endswith(digits)
        multiples = [
            table.get("step", "0"),
            CASH_STEPS.get(code, "0") if table.get("cash") else "0",
        ]
        for multiple in multiples:
            step_minor = Money.parse(str(multiple), unit).amount_minor
            assert step_minor == 0 or price % step_minor == 0
        assert_each_step_is_small(priced)
        assert parse_priced(priced.text()) == priced
        assert " " not in priced.text()
        assert all(step.after.currency is unit for step in priced.steps)


def assert_each_step_is_small(priced: Priced) -> None:
    """A step moves an amount by less than what it rounds to."""
    before = priced.conversion
    for step in priced.steps:
        assert step.before == before
        moved = step.after.amount_minor - before.amount_minor
        digits = step.value.removesuffix("up").replace(".", "")
        match step.name.value:
            case "margin":
                assert 0 <= moved <= before.amount_minor
            case "ending":
                assert 0 <= moved < 10 ** len(digits)
            case "floor":
                assert moved >= 0
            case _:
                assert abs(moved) < int(digits)
        before = step.after
