"""What a message text may be made of, and what is said of the rest."""

import time
from dataclasses import asdict

import pytest

from main import ROOT
from services.notifications.acceptance import PARTS, Finding, oversized, unreadable
from services.notifications.catalogue import CATALOGUE
from services.notifications.rendering import Renderer
from services.notifications.templates import CREDENTIALS, TemplateSource
from services.ports import Channel

RENDERER = Renderer(ROOT / "templates", "Academy")
DECLARED = CATALOGUE[CREDENTIALS]
GOOD = "Hello {{ name }},\n{{ username }}\n{{ link }}\n"
SAMPLES = {one.name: one.sample for one in DECLARED.placeholders}


def test_every_text_that_ships_declares_what_it_may_name() -> None:
    folders = (ROOT / "templates" / channel for channel in Channel)
    files = {file.name.split(".")[0] for folder in folders if folder.exists() for file in folder.iterdir()}

    assert files == set(CATALOGUE)


def found(part: str, text: str) -> list[Finding]:
    """Return what is wrong with an email of which one part is this."""
    good = TemplateSource("Academy", "Welcome", GOOD, "")
    return unreadable(TemplateSource(**{**asdict(good), part: text}), Channel.EMAIL, DECLARED)


@pytest.mark.parametrize(
    ("name", "channel"),
    [(name, channel) for name in CATALOGUE for channel in PARTS if channel in RENDERER.channels(name)],
)
def test_what_ships_keeps_the_rules(name: str, channel: Channel) -> None:
    source, declared = RENDERER.source(name, channel), CATALOGUE[name]
    samples = {one.name: one.sample for one in declared.placeholders}

    assert unreadable(source, channel, declared) == []
    assert oversized(source, channel, RENDERER.render_source(source, samples)) == []


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "{{ username|upper|trim }} {{ link }}",
        "{% if name %}{{ name }}{% elif name == 'x' or not valid_hours %}Hi{% else %}Ho{% endif %}\n" + GOOD,
        "{% if name and valid_hours != '72' %}{% if username %}!{% endif %}{% endif %} " + GOOD,
        "a < b & c {curly} 100% {{ username }}: {{ link }}",
        "क्‍षितिज 😀\t{{ username }} {{ link }}",
    ],
)
def test_plain_texts_are_accepted(text: str) -> None:
    assert found("text", text) == []


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("{{ username }} {{ link }}\n{{ fullname }}", 2, "{{ fullname }} is not known here; a text may name"),
        ("a\nb {{ username", 2, "cannot be read"),
        ("\n{% if %}", 2, "cannot be read"),
        ("{% for n in name %}x{% endfor %}", 1, "{% for %} is not allowed"),
        ("{% set a = name %}", 1, "{% set %} is not allowed"),
        ("{% macro a() %}{% endmacro %}", 1, "{% macro %} is not allowed"),
        ("{% include 'a' %}", 1, "{% include %} is not allowed"),
        ("{% import 'a' as b %}", 1, "{% import %} is not allowed"),
        ("{% from 'a' import b %}", 1, "{% from … import %} is not allowed"),
        ("{% call name() %}{% endcall %}", 1, "{% call %} is not allowed"),
        ("{% filter upper %}{% endfilter %}", 1, "{% filter %} is not allowed"),
        ("{% with %}{% endwith %}", 1, "{% with %} is not allowed"),
        ("{% block a %}{% endblock %}", 1, "{% block %} is not allowed"),
        ("{% extends 'a' %}", 1, "{% extends %} is not allowed"),
        ("{% autoescape false %}{% endautoescape %}", 1, "is not allowed"),
        ("{% raw %}{{ name }}{% endraw %}", 1, "{% raw %} is not allowed"),
        ("x\n{# note #}", 2, "{# … #} reaches nobody"),
        ("Dear {#var#}", 1, "{# … #} reaches nobody"),
        ("{{- name }}", 1, "without a minus"),
        ("{%- if name %}{% endif %}", 1, "without a minus"),
        ("{{ name.__class__ }}", 1, "can only print a placeholder"),
        ("{{ name[0] }}", 1, "can only print a placeholder"),
        ("{{ name() }}", 1, "can only print a placeholder"),
        ("{{ name * 1000000 }}", 1, "can only print a placeholder"),
        ("{{ 'x' }}", 1, "can only print a placeholder"),
        ("{{ name|safe }}", 1, "can only print a placeholder"),
        ("{{ name|center(100000) }}", 1, "can only print a placeholder"),
        ("{{ name|upper(1) }}", 1, "can only print a placeholder"),
        ("{{ range(10**9) }}", 1, "can only print a placeholder"),
        ("{{ name if name else username }}", 1, "can only print a placeholder"),
        ("{% if name|length > 3 %}{% endif %}", 1, "can only ask whether"),
        ("{% if name == username %}{% endif %}", 1, "can only ask whether"),
        ("{% if 10**10**10 %}{% endif %}", 1, "can only ask whether"),
        ("{% if name %}" * 7 + "{% endif %}" * 7, 1, "more than 5 conditions"),
        ("{{ name }}" * 201, 1, "more than 200"),
        pytest.param("{{ " + "(" * 50_000 + " }}", 1, "cannot be read", id="deep"),
        pytest.param("{{ " + "9" * 10_000 + " }}", 1, "cannot be read", id="long"),
        ("a\nb\u202ec", 2, "U+202E"),
        ("a\x07", 1, "U+0007"),
        ("\ue000", 1, "U+E000"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_with_its_line_and_a_remedy(text: str, line: int, said: str) -> None:
    began = time.thread_time()

    first = found("text", text)[0]

    assert (first.part, first.line) == ("text", line)
    assert said in first.detail
    assert time.thread_time() - began < 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("{{ username }}", "must print {{ link }}"),
        ("{{ username }} {% if name %}{{ link }} {% endif %}", "must print {{ link }}"),
        ("{{ link }}", "must print {{ username }}"),
        ("{{ username }} https://evil.example/?to={{ link }}", "{{ link }} must stand by itself"),
        ("{{ username }} {{ link }}.evil.example", "{{ link }} must stand by itself"),
        ("{{ username }} https://evil.example/?\u00a0{{ link }}", "{{ link }} must stand by itself"),
        ("{{ username }} https://evil.example/?\u2028{{ link }}", "{{ link }} must stand by itself"),
        ("{{ username }}{{ link }}", "{{ link }} must stand by itself"),
        ("{{ username }} x{% if name %}{% endif %}{{ link }}", "{{ link }} must stand by itself"),
        ("{{ username }} {{ link|upper }}", "as it is"),
    ],
)
def test_a_text_has_what_it_is_for_and_a_link_that_leads_only_here(text: str, said: str) -> None:
    assert any(said in one.detail for one in found("text", text))


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("Your {{ link }}", "bystanders see subjects"),
        ("one\ntwo", "must be one line"),
        ("  ", "is empty"),
        ("{{ fullname }}", "is not known"),
    ],
)
def test_a_subject_is_a_line_without_a_secret(subject: str, said: str) -> None:
    assert any(said in one.detail for one in found("subject", subject))


PAGE = '<!DOCTYPE html>\n<html lang="en"><head><title>{{ name }}</title></head>\n<body>%s</body></html>'
NEEDED = '<p>{{ username }}</p><a href="{{ link }}" style="color:red">Go</a>'


@pytest.mark.parametrize(
    "html",
    [
        PAGE % NEEDED,
        NEEDED,
        "<p>{{ username }}<br>\n{{ link }} </p>",
        '{{ username }} <a href="{{ link }}">{{ link }}</a> {{ link }}',
        NEEDED + '{% if name %}<b>{{ name }}</b>{% else %}<img src="https://x.test/a.png" alt="">{% endif %}',
        NEEDED + '<a href="https://x.test/help?a=1&amp;b=2">help</a> <a href="mailto:a@x.test">mail</a> &lt;',
        NEEDED + '<p>{{ link }}</p><li>{{ link }}</li><img src="https://x.test/a.png" alt=\'a "b"\' /><hr/>',
        NEEDED + "<TD ALIGN='left'\n  width=\"1\" > {{ link }} </TD\n> two&nbsp;words",
        NEEDED + '<td aria-hidden="true" colspan="2">x > y</td>',
    ],
)
def test_plain_html_is_accepted(html: str) -> None:
    assert found("html", html) == []


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<script>alert(1)</script>", "<script> is not allowed"),
        ("<style>a{}</style>", "<style> is not allowed"),
        ('<iframe src="https://x.test"></iframe>', "<iframe> is not allowed"),
        ("<form><input></form>", "<form> is not allowed"),
        ('<base href="https://x.test">', "<base> is not allowed"),
        ('<meta http-equiv="refresh" content="0">', "http-equiv is not allowed"),
        ('<p onclick="x">', "onclick is not allowed"),
        ('<a href="javascript:alert(1)">', "href must be an address"),
        ('<a href=" &#106;avascript:x">', "href must be an address"),
        ('<a href="/relative">', "href must be an address"),
        ('<img src="http://x.test/a.png">', "src must be an address"),
        ('<img src="data:image/png;base64,AA">', "src must be an address"),
        ('<img src="https://x.test/?{{ link }}">', "cannot hold a placeholder"),
        ('<img src="{{ link }}">', "cannot hold a placeholder"),
        ('<a href="https://x.test/?{{ link }}">', "cannot hold a placeholder"),
        ('<a href="{{ link }}&x">', "cannot hold a placeholder"),
        ('<a href={{ link }}>', "cannot hold a placeholder"),
        ('<a href="{{ name }}">', "cannot hold a placeholder"),
        ('<p title="{{ name }}">', "cannot hold a placeholder"),
        ("<p {{ name }}>", "cannot hold a placeholder"),
        ("<p{{ name }}>", "cannot hold a placeholder"),
        ("<p\u00a0title='x'>", 'write a tag as <name attribute="value">'),
        ("<p\u00a0title='x'>", "white space U+00A0: write a space, or &nbsp;"),
        ("one\u2028two", "U+2028"),
        ("one\u3000two", "U+3000"),
        ("<td colspan=2>", "write a tag as"),
        ("<p title = 'x'>", "write a tag as"),
        ("<p title='x'class='y'>", "write a tag as"),
        ('<p title=">">', "write a tag as"),
        ("<p/title='x'>", "write a tag as"),
        ("</p title='x'>", "write a tag as"),
        ('</p x="><a href="{{ link }}">Go</a>', "write a tag as"),
        ('<a href="https://x.test" href="{{ link }}">Go</a>', "href stands there twice"),
        ('<a href="{{ link }}" HREF="https://x.test">Go</a>', "href stands there twice"),
        ('<a href="&#104;ttps://x.test">', "href must be an address"),
        ("https://x.test/?<b>{{ link }}</b>", "must stand by itself"),
        ("https://x.test/?</div>{{ link }}", "must stand by itself"),
        ("https://x.test/?<td>{{ link }}</td>", "must stand by itself"),
        ("https://x.test/?<table>\n<tr>{{ link }}", "must stand by itself"),
        ("https://x.test/?&#8203;{{ link }}", "must stand by itself"),
        ("https://x.test/?&nbsp;{{ link }}", "must stand by itself"),
        ('<a href="https://x.test"><table><tr><td></a> {{ link }} ', "cannot stand within a link"),
        ('{% if name %}<a href="https://x.test">{% else %}</a>{% endif %} {{ link }} ', "put the whole link"),
        ("<title><p></title>", "<title> holds words only"),
        ("<![evil[x]]>", "is not allowed"),
        ("<!doctype html [<!ENTITY a 'b'>]>", "only <!DOCTYPE html>"),
        ("</>", "begins no tag"),
        ('<a {% if name %}href="https://x.test"{% endif %}>', "cannot hold a placeholder"),
        ('<img src="https://x.test/?{% if name %}">{{ link }} {% endif %}', "cannot hold a placeholder"),
        ("https://x.test/?{{ link }}", "must stand by itself"),
        ("<p>https://x.test/?&amp;{{ link }}</p>", "must stand by itself"),
        ('<a href="https://x.test">{{ link }}</a>', "is shown on a link elsewhere"),
        ("<!-- {{ link }} -->", "comments reach everybody"),
        ("<!--[if mso]><p><![endif]-->", "comments reach everybody"),
        ("<?php ?>", "<? is not allowed"),
        ("<!ENTITY x>", "take it out"),
        ("<![CDATA[x]]>", "is not allowed"),
        ('a <img src="https://x.test/?', "a < that begins no tag"),
        ('<img src="https://x.test/? <p> {{ link }} </p> "', "a < that begins no tag"),
        ("1 < 2", "a < that begins no tag"),
        ('<p title="<">', "a < that begins no tag"),
    ],
)  # fmt: skip
def test_html_that_runs_fetches_or_hides_is_refused(html: str, said: str) -> None:
    assert any(said in one.detail for one in found("html", NEEDED + html)), found("html", NEEDED + html)


@pytest.mark.parametrize("blank", ["\u00a0", "\u1680", "\u2003", "\u2028", "\u3000", "\x0b", "\x0c", "\r"])
def test_white_space_that_ends_no_address_in_a_browser_opens_no_way_for_the_link(blank: str) -> None:
    fetched = f'<img src=https://evil.example/?{blank}href="{{{{ link }}}}" alt="">'

    assert found("html", fetched + NEEDED)


def test_html_of_the_largest_size_is_read_at_once() -> None:
    for part in ("<p title='x' ", "<", "<p", "<p title='", "</p ", "{{ link }} "):
        began = time.thread_time()
        found(
            "html", NEEDED + part * min(190, 100_000 // len(part)) + part.replace("{{ link }}", "x") * 20_000
        )
        assert time.thread_time() - began < 1.0


def test_a_fault_of_html_names_the_line_in_which_it_stands() -> None:
    html = "{% if name %}\n<b>{{ name }}</b>\n{% endif %}\n" + NEEDED + "\n\n<p\n onclick='x'>\n</p><script>"

    assert [(one.line, one.detail.split(" is")[0]) for one in found("html", html)] == [
        (6, "the attribute onclick"),
        (8, "<script>"),
    ]


def test_an_html_part_needs_what_the_text_needs() -> None:
    assert [one.detail for one in found("html", "<p>{{ name }}</p>")] == [
        "must print {{ username }}, outside every condition",
        "must print {{ link }}, outside every condition",
    ]


@pytest.mark.parametrize(
    ("channel", "source", "said"),
    [
        (Channel.SMS, TemplateSource("A", "", "a" * 919, ""), "takes 7 SMS segments; 6 are the most"),
        (Channel.SMS, TemplateSource("A", "", "आ" * 403, ""), "takes 7 SMS segments; 6 are the most"),
        (Channel.EMAIL, TemplateSource("A", "s", "x", "é" * 51_201), "html takes more than 100 KB"),
        (Channel.EMAIL, TemplateSource("A", "s", "é" * 10_241, ""), "text takes more than 20 KB"),
        (Channel.EMAIL, TemplateSource("A", "s" * 201, "x", ""), "takes more than 200 characters"),
    ],
)
def test_what_is_too_large_to_leave_is_not_kept(channel: Channel, source: TemplateSource, said: str) -> None:
    [one] = oversized(source, channel, RENDERER.render_source(source, SAMPLES))

    assert said in one.detail
