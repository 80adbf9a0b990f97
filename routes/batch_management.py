"""/batch_management: batches and their batch-course instances."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.campuses.documents import BATCHES, INSTANCES
from services.campuses.problems import AlreadyInUse, BatchNotFound, InstanceNotFound, NotOnlyYours, StillInUse
from services.campuses.schemas import (
    BatchCreate,
    BatchOut,
    BatchUpdate,
    InstanceOut,
    InstanceQuery,
    PlaceQuery,
)
from utils.paging import PageOf

bp = Blueprint("batch_management", __name__, url_prefix="/batch_management")


@route(bp, "POST", "/batches", permission=Permission.BATCH_CREATE, status=201, raises=[AlreadyInUse])
def create_batch(body: BatchCreate, actor: Actor) -> BatchOut:
    """Make a batch, with an instance for each of its courses."""
    return services().batches.create(body, actor)


@route(bp, "GET", "/batches", permission=Permission.BATCH_READ, cached=[BATCHES])
def list_batches(query: PlaceQuery, actor: Actor) -> PageOf[BatchOut]:
    """List the batches that you may see, by name; ``campus_id`` narrows."""
    return services().batches.list_batches(query, actor)


@route(bp, "GET", "/batches/<batch_id>", permission=Permission.BATCH_READ, raises=[BatchNotFound])
def get_batch(batch_id: str, actor: Actor) -> BatchOut:
    """Read one batch."""
    return services().batches.get(batch_id, actor)


@route(
    bp,
    "PATCH",
    "/batches/<batch_id>",
    permission=Permission.BATCH_UPDATE,
    raises=[BatchNotFound, AlreadyInUse, StillInUse],
)
def update_batch(batch_id: str, body: BatchUpdate, revision: int | None, actor: Actor) -> BatchOut:
    """Change a batch; what is left out stays. A course that students of the batch take cannot be dropped."""
    return services().batches.change(batch_id, body, revision, actor)


@route(
    bp,
    "DELETE",
    "/batches/<batch_id>",
    permission=Permission.BATCH_DELETE,
    status=204,
    raises=[BatchNotFound, StillInUse, NotOnlyYours],
)
def delete_batch(batch_id: str, actor: Actor) -> None:
    """Remove a batch without students, and its instances."""
    services().batches.remove(batch_id, actor)


@route(bp, "GET", "/instances", permission=Permission.BATCH_READ, cached=[INSTANCES])
def list_instances(query: InstanceQuery, actor: Actor) -> PageOf[InstanceOut]:
    """List batch-course instances; they are made and removed with their batch."""
    return services().batches.list_instances(query, actor)


@route(bp, "GET", "/instances/<instance_id>", permission=Permission.BATCH_READ, raises=[InstanceNotFound])
def get_instance(instance_id: str, actor: Actor) -> InstanceOut:
    """Read one batch-course instance."""
    return services().batches.get_instance(instance_id, actor)
