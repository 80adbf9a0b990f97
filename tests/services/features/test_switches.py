import pytest

from config.features import Feature
from config.permissions import Role
from integrations.memory import MemoryBus
from main import Runtime
from services.features.documents import RoleSwitches
from services.features.repository import SwitchRepository
from services.features.switches import FeatureSwitches
from tests.services.accounts.test_principals import Hands

NOTHING: frozenset[Feature] = frozenset()


@pytest.fixture
def rows(runtime: Runtime) -> SwitchRepository:
    return SwitchRepository(runtime.store)


def test_a_process_that_hears_nothing_knows_within_half_a_second(rows: SwitchRepository) -> None:
    hands = Hands()
    deaf = FeatureSwitches(rows, hands, MemoryBus())
    assert deaf.off(Role.STUDENT) == NOTHING

    rows.set(Role.STUDENT, [Feature.FORMS])

    hands.seconds = 0.49
    assert deaf.off(Role.STUDENT) == NOTHING
    hands.seconds = 0.51
    assert deaf.off(Role.STUDENT) == {Feature.FORMS}


def test_a_process_that_hears_knows_at_once(rows: SwitchRepository) -> None:
    bus = MemoryBus()
    here, there = (FeatureSwitches(rows, Hands(), bus) for _ in range(2))
    there.off(Role.STUDENT)
    rows.set(Role.STUDENT, [Feature.FORMS])

    here.changed()

    assert there.off(Role.STUDENT) == {Feature.FORMS}


def test_what_changes_while_it_is_read_is_not_remembered(rows: SwitchRepository, runtime: Runtime) -> None:
    class Interrupted(SwitchRepository):
        def every(self) -> dict[Role, RoleSwitches]:
            found = super().every()
            if not found[Role.STUDENT].off:
                rows.set(Role.STUDENT, [Feature.FORMS])
                switches.changed()
            return found

    switches = FeatureSwitches(Interrupted(runtime.store), Hands(), MemoryBus())

    assert switches.off(Role.STUDENT) == NOTHING
    assert switches.off(Role.STUDENT) == {Feature.FORMS}


def test_a_feature_that_this_version_does_not_know_is_passed_over(rows: SwitchRepository) -> None:
    rows.set(Role.STUDENT, ["telepathy", Feature.FORMS])

    assert FeatureSwitches(rows, Hands(), MemoryBus()).off(Role.STUDENT) == {Feature.FORMS}
