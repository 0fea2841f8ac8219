"""Who asks: whose limit a quote counts for, and whose a key is."""

import pytest

from pricedesk.frontend.customers import RANDOM_DIGITS_MIN, customer_of, is_random, key_of


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("0b9d4c0e-7a35-4f1e-9c28-d6e1f0a3b572", True),
        ("01234501-2345-4012-8012-666666666666", True),
        ("01234501-2345-4012-8012-555555555555", False),
        ("00000000-0000-4000-8000-000000000000", False),
    ],
)
def test_a_uuid_of_few_different_digits_was_made_up(key: str, *, expected: bool) -> None:
    assert is_random(key) is expected
    assert is_random(key.upper()) is expected


def test_the_rule_is_at_its_limit_there() -> None:
    digits = [
        len({*key} - {"-"})
        for key in ("01234501-2345-4012-8012-666666666666", "01234501-2345-4012-8012-555555555555")
    ]
    assert digits == [RANDOM_DIGITS_MIN, RANDOM_DIGITS_MIN - 1]


def test_a_random_key_is_kept_without_the_address_and_another_with_it() -> None:
    random, typed = "0b9d4c0e-7a35-4f1e-9c28-d6e1f0a3b572", "order-17"
    one, other = "203.0.113.7", "198.51.100.9"
    assert key_of(random, one) == key_of(random, other)
    assert key_of(typed, one) != key_of(typed, other)
    assert key_of(typed, one) == "6537c11dd30f8b575a8e84735d09b8e8aab1c9308e19286a1e3b9746ce682a72"


@pytest.mark.parametrize(
    ("address", "customer"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_customer_is_an_address_or_its_network(address: str, customer: str) -> None:
    assert customer_of(address) == customer
