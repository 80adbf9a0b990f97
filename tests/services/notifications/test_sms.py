import pytest

from services.notifications.sms import Encoding, Segments, sms_segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments(Encoding.GSM_7, 0, 0)),
        ("a" * 160, Segments(Encoding.GSM_7, 160, 1)),
        ("a" * 161, Segments(Encoding.GSM_7, 161, 2)),
        ("a" * 306, Segments(Encoding.GSM_7, 306, 2)),
        ("a" * 307, Segments(Encoding.GSM_7, 307, 3)),
        ("€" * 80, Segments(Encoding.GSM_7, 160, 1)),
        ("^{}\\[~]|€\f", Segments(Encoding.GSM_7, 20, 1)),
        ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\n\r", Segments(Encoding.GSM_7, 44, 1)),
        ("आ" * 70, Segments(Encoding.UCS_2, 70, 1)),
        ("आ" * 71, Segments(Encoding.UCS_2, 71, 2)),
        ("आ" * 134, Segments(Encoding.UCS_2, 134, 2)),
        ("आ" * 135, Segments(Encoding.UCS_2, 135, 3)),
        ("😀" * 35, Segments(Encoding.UCS_2, 70, 1)),
        ("a`", Segments(Encoding.UCS_2, 2, 1)),
        ("ç", Segments(Encoding.UCS_2, 1, 1)),
        ("a\tb", Segments(Encoding.UCS_2, 3, 1)),
    ],
)
def test_length_and_segments(text: str, expected: Segments) -> None:
    assert sms_segments(text) == expected


def test_an_escaped_character_is_never_split() -> None:
    # Given a text whose 153rd and 154th septet are the two halves of one character
    text = "a" * 152 + "€" + "a" * 152

    # Then that character goes whole into the second segment, and pushes the last one into a third
    assert sms_segments(text) == Segments(Encoding.GSM_7, 306, 3)


def test_a_surrogate_pair_is_never_split() -> None:
    assert sms_segments("आ" * 66 + "😀" + "आ" * 66) == Segments(Encoding.UCS_2, 134, 3)
