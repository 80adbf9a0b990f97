"""Sentences of others are kept without what is nobody's business."""

import pytest

from utils.text import impersonal


@pytest.mark.parametrize(
    "private",
    [
        "203.0.113.7",
        "2001:db8:85a3::8a2e:370:7334",
        "2001:db8:85a3:0:0:8a2e:370:7334",
        "::1",
        "::ffff:203.0.113.7",
        "fe80::1%eth0",
        "anna@example.com",
        "https://versant.test/set-password#abc",
        "+91 98765 43210",
        "a" * 24,
    ],
)
def test_no_address_number_or_token_of_a_sentence_is_kept(private: str) -> None:
    for sentence in ("Unknown IP address {}, see it", "[{}] is unknown", "{}:", "from {}"):
        assert private not in impersonal(sentence.format(private))
        assert len(impersonal(sentence.format(private))) <= len(sentence)


def test_the_rest_of_a_sentence_stays() -> None:
    said = "Brevo: 402 not_enough_credits (v3.1): std::vector, 99.5 % of 150 a: b"

    assert impersonal(said) == said
