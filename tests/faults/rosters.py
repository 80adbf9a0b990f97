"""Rosters whose every row is known beforehand: who must be there, and which rows must be refused."""

from dataclasses import dataclass
from random import Random
from typing import Final

HEADER: Final = "Group,Roll Number,Student Name,Mobile Number,Email"
GROUP: Final = "CSE"
NO_EMAIL, NO_MOBILE, BAD = 0.05, 0.05, 0.02
GIVEN: Final = ("Asha", "Björn", "Chitra", "Dev", "Esha", "Farid", "Gita", "Hari", "Indu", "Jatin")
FAMILY: Final = ("Rao", "Iyer", "Nair", "Sharma", "D'Souza", "Khan", "Le", "Menon")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a roster. ``good`` is false for a line that has to come back as an error."""

    roll_number: str
    name: str
    mobile_number: str
    email: str
    good: bool = True

    @property
    def line(self) -> str:
        return f"{GROUP},{self.roll_number},{self.name},{self.mobile_number},{self.email}"

    @property
    def addresses(self) -> dict[str, str | None]:
        """Where a message over each channel goes; None where there is no address."""
        mobile = f"+91{self.mobile_number}" if self.mobile_number else None
        return {"email": self.email or None, "sms": mobile}

    @property
    def identifiers(self) -> set[str]:
        """What the student may type to log in."""
        mobile = {f"91{self.mobile_number}"} if self.mobile_number else set()
        return {self.roll_number.lower(), *mobile}


@dataclass(frozen=True, slots=True)
class Roster:
    """One file."""

    name: str
    rows: tuple[Row, ...]

    @property
    def content(self) -> bytes:
        return "\n".join([HEADER, *(row.line for row in self.rows), ""]).encode()

    @property
    def good(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.good)


class RosterMaker:
    """Makes rosters that share no roll number and no mobile number; some people have no address."""

    def __init__(self, seed: int, prefix: str = "F") -> None:
        self._random, self._prefix, self._made = Random(seed), prefix, 0

    def make(self, rows: int) -> Roster:
        """Return the next roster."""
        self._made += 1
        return Roster(f"roster-{self._made}.csv", tuple(self._row(number) for number in range(rows)))

    def _row(self, number: int) -> Row:
        chance = self._random.random
        roll = f"{self._prefix}{self._made:03d}/{number:05d}"
        name = f"{self._random.choice(GIVEN)} {self._random.choice(FAMILY)}"
        mobile = "" if chance() < NO_MOBILE else f"9{self._made:03d}{number:06d}"
        email = "" if chance() < NO_EMAIL else f"{roll.replace('/', '.').lower()}@example.com"
        if number and chance() < BAD:
            return Row(roll, name, "12", email, good=False)  # no telephone number has two digits
        return Row(roll, name, mobile, email)
