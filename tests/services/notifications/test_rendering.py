import re
from collections.abc import Mapping
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest

from services.notifications.rendering import BadTemplate, Renderer, one_line
from services.notifications.sms import sms_segments
from services.notifications.templates import (
    CREDENTIALS,
    RESET_PASSWORD,
    TemplateSource,
    UnknownTemplate,
)
from services.ports import Channel

TEMPLATES = Path(__file__).parents[3] / "templates"
LINK = "https://academy.test/activate#" + "A" * 43
PARAMS = {
    "name": "Asha Rao",
    "username": "21/CS/045",
    "link": LINK,
    "valid_hours": "72",
    "valid_minutes": "30",
}
WRITTEN = (Channel.EMAIL, Channel.SMS)  # for the inbox nothing is written yet
ALL = [(template, channel) for template in (CREDENTIALS, RESET_PASSWORD) for channel in WRITTEN]


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(TEMPLATES, "Academy")


def params(**changed: str) -> Mapping[str, str]:
    return PARAMS | changed


class Page(HTMLParser):
    """The tags, the links and the visible text of an html part."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(("template", "channel"), ALL)
def test_each_message_names_the_product_the_account_and_the_way_in(
    renderer: Renderer, template: str, channel: Channel
) -> None:
    made = renderer.render(template, channel, PARAMS)

    assert "Academy" in made.text
    assert LINK in made.text
    assert PARAMS["valid_hours" if template == CREDENTIALS else "valid_minutes"] in made.text
    assert "ignore" in made.text.lower() or channel is Channel.SMS
    if channel is Channel.EMAIL:
        page = Page(made.html)
        assert "Academy" in made.subject
        assert set(page.attributes["href"]) == {LINK}
        assert "Asha Rao" in page.text and "Asha Rao" in made.text
        assert "21/CS/045" in page.text and "21/CS/045" in made.text
    else:
        assert (made.subject, made.html) == ("", "")


@pytest.mark.parametrize("template", [CREDENTIALS, RESET_PASSWORD])
def test_a_mail_is_readable_without_images_styles_or_scripts(renderer: Renderer, template: str) -> None:
    made = renderer.render(template, Channel.EMAIL, PARAMS)

    page = Page(made.html)
    assert page.attributes["lang"][0] == "en"
    assert not {"img", "script", "style", "link", "iframe", "table"} & set(page.tags)
    assert {"src", "class", "onclick"}.isdisjoint(page.attributes)
    assert "light dark" in page.attributes["content"]
    assert len(made.html) < 4000


@pytest.mark.parametrize("template", [CREDENTIALS, RESET_PASSWORD])
def test_an_sms_fits_one_plain_segment(renderer: Renderer, template: str) -> None:
    made = renderer.render(template, Channel.SMS, PARAMS)

    counted = sms_segments(made.text)
    assert (counted.encoding, counted.segments) == ("GSM-7", 1), counted
    assert "\n" not in made.text


@pytest.mark.parametrize("template", [CREDENTIALS, RESET_PASSWORD])
def test_the_product_name_is_written_in_no_template(template: str) -> None:
    words = "".join(file.read_text() for file in TEMPLATES.glob(f"*/{template}*"))

    assert "versant" not in words.lower()
    assert "{{ product_name }}" in words


EVIL = ["{{ 7*7 }}", "{% raw %}", "<script>alert(1)</script>", '"><img src=x>', "a&amp;b", "O'Brien & Söhne"]


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("template", [CREDENTIALS, RESET_PASSWORD])
def test_a_name_is_only_ever_text(renderer: Renderer, template: str, name: str) -> None:
    # Given what the page looks like for a harmless name
    harmless = Page(renderer.render(template, Channel.EMAIL, PARAMS).html)

    # When the name is anything at all
    made = renderer.render(template, Channel.EMAIL, params(name=name))

    # Then it reads exactly like that, and the page has the same elements
    page = Page(made.html)
    assert name in page.text and name in made.text
    assert page.tags == harmless.tags
    assert page.attributes == harmless.attributes


def test_a_name_cannot_break_out_of_its_line_or_add_a_header(renderer: Renderer) -> None:
    made = renderer.render(CREDENTIALS, Channel.EMAIL, params(name="Asha\r\nBcc: all@x.test\u2028\u202ex"))

    assert made.subject == "Academy: set your password, Asha Bcc: all@x.test x"
    assert re.search("^Bcc", made.text, re.MULTILINE) is None


def test_names_of_every_script_survive() -> None:
    for name in ("क्‍षितिज", "José Ñandú", "李小龍", "نور‌الدین", "Zoë 👩‍🎓"):
        assert one_line(name) == name


def test_a_missing_parameter_stops_the_message(renderer: Renderer) -> None:
    with pytest.raises(BadTemplate, match="valid_hours"):
        renderer.render(CREDENTIALS, Channel.SMS, {"username": "u", "link": LINK})


def test_an_unknown_template_or_channel_is_named(tmp_path: Path, renderer: Renderer) -> None:
    (tmp_path / "sms").mkdir()
    (tmp_path / "sms" / "only.txt").write_text("hi {{ name }}")
    small = Renderer(tmp_path, "Academy")

    with pytest.raises(UnknownTemplate, match="nothing"):
        renderer.version("nothing")
    with pytest.raises(UnknownTemplate, match="only has no email text"):
        small.source("only", Channel.EMAIL)
    assert small.render("only", Channel.SMS, {"name": "you"}).text == "hi you"


def test_a_malformed_template_is_found_at_start(tmp_path: Path) -> None:
    (tmp_path / "sms").mkdir()
    (tmp_path / "sms" / "broken.txt").write_text("{% if %}")

    with pytest.raises(BadTemplate, match="broken"):
        Renderer(tmp_path, "Academy")


@pytest.mark.parametrize(
    "text",
    [
        "{{ name.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{% for n in range(10**9) %}x{% endfor %}",
        "{{ 1/0 }}",
    ],
)
def test_a_template_cannot_reach_outside_its_parameters(renderer: Renderer, text: str) -> None:
    with pytest.raises(BadTemplate):
        renderer.render_source(TemplateSource("Academy", "", text, ""), {"name": "x"})


def test_a_pinned_source_gives_the_same_bytes_whatever_became_of_the_files(tmp_path: Path) -> None:
    # Given a template whose source was pinned and stored
    folder = tmp_path / "email"
    folder.mkdir()
    for name, words in {"t.html": "<p>{{ name }}</p>", "t.txt": "{{ name }}", "t.subject.txt": "S"}.items():
        (folder / name).write_text(words)
    first = Renderer(tmp_path, "Academy")
    pinned, stored = first.version("t"), asdict(first.source("t", Channel.EMAIL))
    before = first.render("t", Channel.EMAIL, {"name": "Zoë <b>"})

    # When a text changes, and the product is called something else
    (folder / "t.txt").write_text("Hello {{ name }}")
    later = Renderer(tmp_path, "School")

    # Then the version tells, and the stored source still renders the old bytes
    assert later.version("t") != pinned
    assert later.render("t", Channel.EMAIL, {"name": "Zoë <b>"}) != before
    assert later.render_source(TemplateSource(**stored), {"name": "Zoë <b>"}) == before
    assert Renderer(TEMPLATES, "Academy").version(CREDENTIALS) == Renderer(TEMPLATES, "Academy").version(
        CREDENTIALS
    )


def test_a_rendered_message_shows_no_link_when_it_is_logged(renderer: Renderer) -> None:
    assert LINK not in repr(renderer.render(CREDENTIALS, Channel.EMAIL, PARAMS))
