"""Whether a message text may be kept: everything that can go wrong later is looked for now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.notifications.catalogue import Declared
from services.notifications.dlt import dlt_refusal, mismatch, registered_fault
from services.notifications.html_part import html_faults
from services.notifications.rendering import Rendered
from services.notifications.sms import sms_segments
from services.notifications.syntax import BLANKS, Piece, Reading, glued, read
from services.notifications.templates import TemplateSource
from services.ports import Channel, Message
from utils.problems import Invalid

MOST_SEGMENTS: Final = 6
MOST_HTML_BYTES: Final = 100 * 1024
MOST_TEXT_BYTES: Final = 20 * 1024
MOST_SUBJECT: Final = 200
PARTS: Final = {Channel.EMAIL: ("subject", "text", "html"), Channel.SMS: ("text",)}


class TextNotAccepted(Invalid):
    """The text of a message cannot be kept as it is. ``errors`` names the part, the line and what to do."""

    title = "The text of the message cannot be accepted"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of one part; ``line`` 0: of the part as a whole."""

    part: str
    line: int
    detail: str

    def shown(self) -> dict[str, Any]:
        """Return the fault as a problem document names it."""
        where = {"line": self.line} if self.line else {}
        said = f"line {self.line}: {self.detail}" if self.line else self.detail
        return {"pointer": f"/{self.part}", "detail": said} | where


def refuse(findings: Sequence[Finding]) -> None:
    """Raise TextNotAccepted if there is any fault."""
    if findings:
        raise TextNotAccepted(errors=[finding.shown() for finding in findings])


def unreadable(source: TemplateSource, channel: Channel, declared: Declared) -> list[Finding]:
    """Return why the parts cannot be rendered, or must not be."""
    found: list[Finding] = []
    for part in PARTS[channel]:
        if part == "html" and not source.html:
            continue  # a mail may be plain; an html part never stands alone, for the text is always asked for
        found += _of_part(part, getattr(source, part), declared)
    return found


def oversized(source: TemplateSource, channel: Channel, shown: Rendered) -> list[Finding]:
    """Return what keeps the rendered message from being sent."""
    return [*_limits(channel, shown), *(_registered(source, shown) if channel is Channel.SMS else ())]


def too_large(channel: Channel, text: str, html: str) -> str | None:
    """Return why a message is too large to leave; None if it is not."""
    if channel is Channel.SMS and (count := sms_segments(text).segments) > MOST_SEGMENTS:
        return f"takes {count} SMS segments; {MOST_SEGMENTS} are the most"
    if len(html.encode()) > MOST_HTML_BYTES:
        return f"its html takes more than {MOST_HTML_BYTES // 1024} KB"
    if len(text.encode()) > MOST_TEXT_BYTES:
        return f"its text takes more than {MOST_TEXT_BYTES // 1024} KB"
    return None


def refusal(source: TemplateSource, message: Message) -> str | None:
    """Return why a message may not leave as it is; None where it may. Quotes nothing of a recipient's."""
    if reason := too_large(message.channel, message.text, message.html):
        return reason
    return dlt_refusal(source, message.to, message.text) if message.channel is Channel.SMS else None


def _of_part(part: str, text: str, declared: Declared) -> Iterator[Finding]:
    if not text.strip():
        yield Finding(part, 0, "is empty: every message has one")
        return
    reading = read(text)
    known = declared.named()
    yield from (Finding(part, fault.line, fault.detail) for fault in reading.faults)
    unknown = [use for use in reading.uses if use.name not in known]
    yield from (Finding(part, use.line, _unknown(use.name, known)) for use in unknown)
    if reading.faults or unknown:
        return
    yield from _links(part, reading, declared)
    if part == "html":
        yield from (Finding(part, fault.line, fault.detail) for fault in html_faults(reading.pieces, known))
    if part != "subject":
        always = {use.name for use in reading.uses if use.always}
        missing = [one.name for one in declared.placeholders if one.required and one.name not in always]
        for name in missing:
            yield Finding(part, 0, f"must print {{{{ {name} }}}}, outside every condition")
    elif "\n" in text.strip():
        yield Finding(part, 1, "must be one line")


def _links(part: str, reading: Reading, declared: Declared) -> Iterator[Finding]:
    """Yield what is done with a one-time link that is not only shown."""
    links = {one.name for one in declared.placeholders if one.link}
    for use in reading.uses:
        if use.name in links and part == "subject":
            yield Finding(part, use.line, f"cannot hold {{{{ {use.name} }}}}: bystanders see subjects")
        elif use.name in links and use.filtered:
            yield Finding(part, use.line, f"write {{{{ {use.name} }}}} as it is: changed, it leads nowhere")
    if part == "text":
        yield from (
            Finding(part, piece.line, glued(piece.name))
            for place, piece in enumerate(reading.pieces)
            if piece.name in links and not BLANKS.issuperset(_around(reading.pieces, place))
        )


def _around(pieces: Sequence[Piece], place: int) -> str:
    """Return the characters before and after a piece; blanks at the ends of the text, a sign for no words."""
    before = (pieces[place - 1].text or "-")[-1] if place else " "
    after = (pieces[place + 1].text or "-")[0] if place + 1 < len(pieces) else " "
    return before + after


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    return f"{{{{ {name} }}}} is not known here; a text may name {', '.join(known)}"


def _limits(channel: Channel, shown: Rendered) -> Iterator[Finding]:
    if reason := too_large(channel, shown.text, shown.html):
        yield Finding("html" if "html" in reason else "text", 0, reason)
    if len(shown.subject) > MOST_SUBJECT:
        yield Finding("subject", 0, f"takes more than {MOST_SUBJECT} characters")


def _registered(source: TemplateSource, shown: Rendered) -> Iterator[Finding]:
    """Yield how an SMS differs from what was registered of it, or what of that is missing."""
    given = {name: getattr(source, name) for name in ("dlt_entity_id", "dlt_template_id", "dlt_text")}
    missing = [name for name, value in given.items() if not value]
    if source.dlt_required or len(missing) < len(given):
        for name in missing:
            yield Finding(name, 0, "is missing: DLT asks for the ids and the text together")
    if source.dlt_text and (fault := registered_fault(source.dlt_text)):
        yield Finding("dlt_text", 0, fault)
    elif source.dlt_text and (reason := mismatch(source.dlt_text, shown.text)):
        yield Finding("text", 0, reason)
