"""Who asks: whose limit a quote counts for, and whose a key is."""

import pytest

from pricedesk.frontend.customers import (
    _RANDOM_UUID,
    DOCUMENTED,
    RANDOM_DIGITS_MIN,
    customer_of,
    is_random,
    key_of,
)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("0b9d4c0e-7a35-4f1e-9c28-d6e1f0a3b572", True),
        ("0369c048-c963-4c90-8306-9c30c8693c0e", True),
        ("0369c048-c963-4c90-8306-9c30c8693c06", False),
        ("00000000-0000-4000-8000-000000000000", False),
        ("12345678-1234-4234-8234-123456789abc", False),
        ("01234567-89ab-4cde-8f01-23456789abcd", False),
        ("fedcba98-7654-4321-8fed-cba987654321", False),
        ("a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d", False),
        ("11223344-5566-4788-99aa-bbccddeeff00", False),
        ("0f0e0d0c-0b0a-4908-8706-050403020100", False),
        # 18 steps and 19 of neighbours, and of those two apart.
        ("01234567-89ab-4cde-8f01-2346a2e7c39f", True),
        ("01234567-89ab-4cde-8f01-2345a2e7c39f", False),
        ("a1b2c3d4-e5f6-4a7b-8c9d-0e1f6a2e7c39", True),
        ("a1b2c3d4-e5f6-4a7b-8c9d-0e1f26a2e7c3", False),
        ("919108f7-52d1-4320-9bac-f847db4148a8", False),
        ("550e8400-e29b-41d4-a716-446655440000", False),
    ],
)
def test_a_uuid_is_random_unless_it_was_made_up_or_copied(key: str, *, expected: bool) -> None:
    assert is_random(key) is expected
    assert is_random(key.upper()) is expected


def test_the_rule_is_at_its_limit_there() -> None:
    digits = [
        len({*key} - {"-"})
        for key in ("0369c048-c963-4c90-8306-9c30c8693c0e", "0369c048-c963-4c90-8306-9c30c8693c06")
    ]
    assert digits == [RANDOM_DIGITS_MIN, RANDOM_DIGITS_MIN - 1]


def test_a_random_key_is_kept_without_the_address_and_another_with_it() -> None:
    random, typed = "0b9d4c0e-7a35-4f1e-9c28-d6e1f0a3b572", "order-17"
    one, other = "203.0.113.7", "198.51.100.9"
    assert key_of(random, one) == key_of(random, other)
    assert key_of(typed, one) != key_of(typed, other)
    assert key_of(typed, one) == "6537c11dd30f8b575a8e84735d09b8e8"
    assert key_of(random.upper(), other) == key_of(random, one)
    assert key_of(typed.upper(), one) != key_of(typed, one)


def test_what_is_documented_would_count_as_random_else() -> None:
    assert [key for key in DOCUMENTED if not _RANDOM_UUID.fullmatch(key)] == []


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
