"""Many small movements, few announcements."""

import pytest

from utils.coalescer import Coalescer


def test_one_key_that_fails_keeps_no_other_back() -> None:
    failing, told = {"b", "d"}, list[str]()

    def announce(key: str) -> bool:
        if key in failing:
            raise ConnectionError(key)
        told.append(key)
        return False

    coalescer = Coalescer(announce)
    for key in "abcde":
        coalescer.touch(key)

    with pytest.raises(ConnectionError):
        coalescer.tick()

    assert sorted(told) == ["a", "c", "e"]
    failing.clear()
    coalescer.tick()
    assert sorted(told) == ["a", "b", "c", "d", "e"]
    coalescer.tick()
    assert len(told) == 5
