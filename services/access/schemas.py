"""What clients send and see of permissions: those of one admin, the modules, the templates."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema, model_validator

from config.modules import TEMPLATES, Access, Module, Template, template_of
from config.permissions import Permission, Role
from models import Actor
from services.accounts.documents import User
from services.accounts.principals import permissions_of
from services.accounts.schemas import Input

ACCESS: Final[tuple[Access, ...]] = ("none", "read", "write")


def _choice(given: Any) -> tuple[Permission, ...] | dict[Module, Access]:
    if isinstance(given, dict):
        if fault := next((name for name, access in given.items() if not _is_access(name, access)), None):
            raise ValueError(f"{str(fault)[:60]} has to be a module with none, read or write")
        return {Module(name): access for name, access in given.items()}
    if isinstance(given, list) and len(given) <= len(Permission):
        if unknown := [name for name in given if name not in list(Permission)]:
            raise ValueError(f"{str(unknown[0])[:60]} is no permission")
        return tuple(sorted({Permission(name) for name in given}))
    raise ValueError("has to be a list of permissions, or access per module for a sub-superadmin")


def _is_access(name: Any, access: Any) -> bool:
    return name in set(Module) and isinstance(access, str) and access in ACCESS


Choice = Annotated[
    tuple[Permission, ...] | dict[Module, Access],
    PlainValidator(_choice),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string", "enum": list(Permission)}},
                {"type": "object", "additionalProperties": {"type": "string", "enum": list(ACCESS)}},
            ]
        }
    ),
]


class PermissionsIn(Input):
    """All that an admin may do from now on: a list of permissions; for a sub-superadmin ``none``, ``read`` or
    ``write`` per module, or the name of a ``template``."""

    permissions: Choice | None = None
    template: Template | None = None

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        named = self.template not in (None, Template.CUSTOM)
        if named == (self.permissions is not None):
            raise ValueError("send permissions or the name of a template")
        return self

    @property
    def modules(self) -> Mapping[Module, Access] | None:
        """The access per module; None where permissions are listed one by one."""
        if isinstance(self.permissions, dict):
            return self.permissions
        return TEMPLATES[self.template] if self.template and self.permissions is None else None


class PermissionsOut(BaseModel):
    """What an admin may do now, and why."""

    id: str
    role: Role
    permissions: tuple[Permission, ...]
    granted: tuple[Permission, ...] = Field(description="beyond what the role grants")
    withheld: tuple[Permission, ...] = Field(description="of what the role grants")
    modules: dict[Module, Access] = Field(description="a sub-superadmin's access; empty for others")
    template: Template | None = Field(description="the template with just this access; null for others")
    grantable: tuple[Permission, ...] = Field(description="what you could let this admin do")
    revision: int

    @classmethod
    def of(cls, user: User, grantable: frozenset[Permission]) -> Self:
        """Show what an account may do."""
        by_module = user.role is Role.SUB_SUPERADMIN
        return cls(
            id=user.id,
            role=user.role,
            permissions=tuple(sorted(permissions_of(user))),
            granted=tuple(sorted(set(Permission) & set(user.granted))),
            withheld=tuple(sorted(set(Permission) & set(user.withheld))),
            modules={module: user.modules.get(module, "none") for module in Module} if by_module else {},
            template=template_of(user.modules) if by_module else None,
            grantable=tuple(sorted(grantable)),
            revision=user.revision,
        )


class ModulePermissionOut(BaseModel):
    """``read``: module access ``read`` suffices. ``held``: you have it."""

    name: Permission
    read: bool
    held: bool


class ModuleOut(BaseModel):
    """One module, with every permission of it that there is so far."""

    name: Module
    permissions: tuple[ModulePermissionOut, ...]

    @classmethod
    def of(cls, module: Module, actor: Actor) -> Self:
        """Show a module to somebody."""
        found = sorted(permission for permission in Permission if permission.module is module)
        shown = (
            ModulePermissionOut(name=one, read=one.is_read, held=one in actor.permissions) for one in found
        )
        return cls(name=module, permissions=tuple(shown))


class TemplateOut(BaseModel):
    """A choice of modules. What it does not name is ``none``; ``custom`` stands for any other choice."""

    name: Template
    modules: dict[Module, Access]

    @classmethod
    def of(cls, template: Template) -> Self:
        """Show a template."""
        return cls(name=template, modules=dict(TEMPLATES[template]))
