"""What clients send and see of features."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field, StrictBool, field_validator

from config.features import FEATURES, FIXED, Feature
from config.permissions import Role
from services.accounts.schemas import Input
from services.features.documents import RoleSwitches


class FeaturesIn(Input):
    """The features to switch: ``true`` is on. What is not named stays as it is."""

    features: dict[Feature, StrictBool] = Field(min_length=1)

    @field_validator("features")
    @classmethod
    def _not_fixed(cls, given: dict[Feature, bool]) -> dict[Feature, bool]:
        if fixed := sorted(name for name in FIXED if given.get(name) is False):
            raise ValueError(f"{fixed[0]} cannot be switched off")
        return given


class RoleFeaturesOut(BaseModel):
    """The features of a role: ``true`` is on."""

    role: Role
    features: dict[Feature, bool]
    fixed: tuple[Feature, ...] = Field(description="what is always on")
    revision: int
    updated_at: datetime | None

    @classmethod
    def of(cls, role: Role, row: RoleSwitches) -> Self:
        """Show the features of a role."""
        known = sorted(FEATURES[role])
        return cls(
            role=role,
            features={feature: feature not in row.off for feature in known},
            fixed=tuple(feature for feature in known if feature in FIXED),
            revision=row.revision,
            updated_at=row.updated_at,
        )
