"""The texts that people receive, as files: ``email/<name>.{subject.txt,txt,html}``, ``sms/<name>.txt``,
``inbox/<name>.{subject.txt,txt}``."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from services.ports import Channel

CREDENTIALS: Final = "credentials"  # name, username, link, valid_hours
RESET_PASSWORD: Final = "reset_password"  # noqa: S105  a template's name; name, username, link, valid_minutes
NEW_DEVICE: Final = "new_device"  # name, username, when, device
TOKEN_REUSED: Final = "token_reused"  # noqa: S105  a template's name; name, username, when, device
TEST_NOTIFICATION: Final = "test_notification"  # name, test, when, minutes
TEST_REMINDER: Final = "test_reminder"  # name, test, when, minutes
VERSION_LENGTH: Final = 32  # hex digits: nobody can write a text that has the hash of another one


class UnknownTemplate(LookupError):
    """There is no text of this name for this channel."""


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """All that decides the text of one template on one channel. Stored once, it renders the same for ever.

    ``subject`` and ``html`` are empty for an SMS, ``html`` for an inbox. ``dlt_…`` is what India's register
    knows of an SMS (``dlt.py``). ``dataclasses.asdict`` and ``TemplateSource(**row)`` take it to a database
    and back.
    """

    product_name: str
    subject: str
    text: str
    html: str
    language: str = "en"
    dlt_entity_id: str = ""
    dlt_template_id: str = ""
    dlt_text: str = ""
    dlt_required: bool = False


Sources = Mapping[str, Mapping[Channel, TemplateSource]]


def load_sources(folder: Path, product_name: str) -> Sources:
    """Return every template of the folder, by name and channel."""
    found: dict[str, dict[Channel, TemplateSource]] = {}
    for file in sorted(folder.glob("email/*.html")):
        email = TemplateSource(
            product_name,
            subject=_read(file.with_suffix(".subject.txt")),
            text=_read(file.with_suffix(".txt")),
            html=_read(file),
        )
        found.setdefault(file.stem, {})[Channel.EMAIL] = email
    for file in sorted(folder.glob("sms/*.txt")):
        found.setdefault(file.stem, {})[Channel.SMS] = TemplateSource(product_name, "", _read(file), "")
    for file in sorted(folder.glob("inbox/*.subject.txt")):
        name = file.name.removesuffix(".subject.txt")
        text = _read(file.with_name(f"{name}.txt"))
        found.setdefault(name, {})[Channel.INBOX] = TemplateSource(product_name, _read(file), text, "")
    return found


def version_of(sources: Mapping[Channel, TemplateSource]) -> str:
    """Return a hash of all texts of one template: two versions differ when any text does."""
    digest = sha256()
    for channel in sorted(sources):
        for part in (channel.value, *astuple(sources[channel])):
            raw = str(part).encode()
            digest.update(len(raw).to_bytes(8) + raw)
    return digest.hexdigest()[:VERSION_LENGTH]


def _read(file: Path) -> str:
    return file.read_bytes().decode("utf-8").replace("\r\n", "\n")
