"""Messages from templates: the same bytes for the same template, version and parameters, always."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notifications.templates import TemplateSource, UnknownTemplate, load_sources, version_of
from services.ports import Channel

COMPILED: Final = 256
JOINERS: Final = frozenset("\u200c\u200d")  # letters of Indic and Arabic names are shaped by these
SPACES: Final = re.compile(r"\s+")


class BadTemplate(Exception):
    """A template cannot be rendered: it is malformed, or a parameter that it needs is missing."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message. ``subject`` and ``html`` are empty for an SMS."""

    subject: str
    text: str = field(repr=False)  # both hold a one-time link, which must not reach a log
    html: str = field(repr=False)


class Renderer:
    """Renders the templates of one folder. What a person typed is only ever text in them, never markup."""

    def __init__(self, templates_dir: Path, product_name: str) -> None:
        self.product_name = product_name
        self._sources = load_sources(templates_dir, product_name)
        self._plain, self._html = sandbox(autoescape=False), sandbox(autoescape=True)
        self._compiled = lru_cache(COMPILED)(self._compile)
        self._check()

    def render(self, template: str, channel: Channel, params: Mapping[str, str]) -> Rendered:
        """Return the message in the template's present version."""
        return self.render_source(self.source(template, channel), params)

    def render_source(self, source: TemplateSource, params: Mapping[str, str]) -> Rendered:
        """Return the message as it was when ``source`` was pinned, byte for byte."""
        values = {name: one_line(value) for name, value in params.items()}
        values["product_name"] = source.product_name
        return Rendered(
            subject=one_line(self._fill(source.subject, values, html=False)),
            text=self._fill(source.text, values, html=False),
            html=self._fill(source.html, values, html=True),
        )

    def channels(self, template: str) -> frozenset[Channel]:
        """Return the channels for which a template ships a text."""
        return frozenset(self._sources.get(template, {}))

    def version(self, template: str) -> str:
        """Return the short content hash that a job pins."""
        return version_of(self._known(template))

    def source(self, template: str, channel: Channel) -> TemplateSource:
        """Return the texts to store under ``version(template)``, for ``render_source`` later."""
        try:
            return self._known(template)[channel]
        except KeyError:
            raise UnknownTemplate(f"{template} has no {channel} text") from None

    def _known(self, template: str) -> Mapping[Channel, TemplateSource]:
        try:
            return self._sources[template]
        except KeyError:
            raise UnknownTemplate(template) from None

    def _fill(self, text: str, values: Mapping[str, str], *, html: bool) -> str:
        try:
            return self._compiled(text, html).render(values)
        except (TemplateError, ArithmeticError, TypeError, ValueError) as error:
            raise BadTemplate(str(error)) from None

    def _check(self) -> None:
        for name, channels in self._sources.items():
            for source in channels.values():
                try:
                    self._compile(source.subject, False)
                    self._compile(source.text, False)
                    self._compile(source.html, True)
                except TemplateError as error:
                    raise BadTemplate(f"{name}: {error}") from None

    def _compile(self, text: str, html: bool) -> Template:
        return (self._html if html else self._plain).from_string(text)


def one_line(text: str) -> str:
    """Return text that cannot leave its line: single spaces, no control or format characters."""
    if text.isprintable():  # then every character is one to show, and blanks are the only white space
        return SPACES.sub(" ", text).strip() if "  " in text else text.strip()
    shown = (
        character
        if character in JOINERS or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
        else " "
        for character in SPACES.sub(" ", text)
    )
    return SPACES.sub(" ", "".join(shown)).strip()


def sandbox(*, autoescape: bool) -> ImmutableSandboxedEnvironment:
    """Return the Jinja environment in which every message text is read and filled."""
    return ImmutableSandboxedEnvironment(
        autoescape=autoescape, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
