"""/email_management/templates and /sms_management/templates."""

import pytest

from tests.cast import Cast

ROOMS = {"email": "/email_management/templates", "sms": "/sms_management/templates"}


@pytest.mark.parametrize("channel", ROOMS)
def test_an_admin_sees_every_template_and_what_its_texts_may_name(cast: Cast, channel: str) -> None:
    listed = cast.north.admin.get(ROOMS[channel])["items"]

    assert [one["name"] for one in listed] == ["credentials", "reset_password"]
    assert {(one["channel"], one["origin"], one["version"]) for one in listed} == {(channel, "shipped", 0)}
    named = {one["name"]: one for one in listed[0]["placeholders"]}
    assert named.keys() == {"product_name", "name", "username", "link", "valid_hours"}
    assert [name for name, one in named.items() if one["required"]] == ["username", "link"]
    assert named["link"]["sample"].startswith("http://versant.test/activate?token=")
    assert named["product_name"]["sample"] == "VERSANT"


def test_another_campus_is_no_campus_of_yours(cast: Cast) -> None:
    reply = cast.north.admin.get(f"{ROOMS['sms']}?campus_id={cast.south.id}", status=422)

    assert reply["errors"] == [{"pointer": "/campus_id", "detail": "is not a campus of yours"}]
