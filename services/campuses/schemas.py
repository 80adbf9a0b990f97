"""What clients send and see of the organisation."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from services.campuses.documents import Batch, BatchCourseInstance, Campus, Course
from services.campuses.world import countries, zones
from utils.identifiers import JOINERS
from utils.paging import PageQuery
from utils.text import tidy


def _printable(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    if not all(char.isprintable() or char in JOINERS for char in text):
        raise ValueError("must not hold invisible characters")
    return text


def _zone(name: str) -> str:
    if name not in zones():
        raise ValueError("must be a time zone such as Asia/Kolkata")
    return name


def _each_once(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


def _country(code: str) -> str:
    if code not in countries():
        raise ValueError("must be a country code of two capital letters, such as IN")
    return code


Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(tidy), AfterValidator(_printable)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,31}$")]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Country = Annotated[str, AfterValidator(_country)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
CourseIds = Annotated[tuple[Id, ...], Field(min_length=1, max_length=50), AfterValidator(_each_once)]


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Patch(Input):
    """A change: what is absent stays, and null is no value here."""

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, given: Any) -> Any:
        if given is None:
            raise ValueError("cannot be null; leave it out to keep it")
        return given

    def fields(self) -> dict[str, Any]:
        """Return what is to be set."""
        return self.model_dump(exclude_unset=True)


class CampusCreate(Input):
    name: Name
    code: Code
    timezone: Zone
    country: Country | None = None


class CampusUpdate(Patch):
    name: Name | None = None
    code: Code | None = None
    timezone: Zone | None = None
    country: Country | None = None


class CourseCreate(Input):
    campus_id: Id
    name: Name
    code: Code


class CourseUpdate(Patch):
    name: Name | None = None
    code: Code | None = None


class BatchCreate(Input):
    campus_id: Id
    name: Name
    course_ids: CourseIds


class BatchUpdate(Patch):
    name: Name | None = None
    course_ids: CourseIds | None = None


class PlaceQuery(PageQuery):
    campus_id: Id | None = None

    def filters(self) -> dict[str, str]:
        """Return what the rows have to be equal to."""
        return self.model_dump(exclude_none=True, exclude=set(PageQuery.model_fields))


class InstanceQuery(PlaceQuery):
    batch_id: Id | None = None
    course_id: Id | None = None


class _Shown(BaseModel):
    id: str
    revision: int
    created_at: datetime
    updated_at: datetime


class CampusOut(_Shown):
    name: str
    code: str
    timezone: str
    country: str

    @classmethod
    def of(cls, campus: Campus) -> Self:
        """Show a stored campus."""
        return cls(**{name: getattr(campus, name) for name in cls.model_fields})


class CourseOut(_Shown):
    campus_id: str
    name: str
    code: str

    @classmethod
    def of(cls, course: Course) -> Self:
        """Show a stored course."""
        return cls(**{name: getattr(course, name) for name in cls.model_fields})


class BatchOut(_Shown):
    campus_id: str
    name: str
    course_ids: tuple[str, ...]

    @classmethod
    def of(cls, batch: Batch, course_ids: tuple[str, ...]) -> Self:
        """Show a stored batch with those of its courses that the reader may see."""
        shown = {name: getattr(batch, name) for name in cls.model_fields}
        return cls(**shown | {"course_ids": course_ids})


class InstanceOut(BaseModel):
    id: str
    campus_id: str
    batch_id: str
    course_id: str
    created_at: datetime

    @classmethod
    def of(cls, instance: BatchCourseInstance) -> Self:
        """Show a stored batch-course instance."""
        return cls(**{name: getattr(instance, name) for name in cls.model_fields})
