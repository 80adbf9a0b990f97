"""The audit log put together."""

from dataclasses import dataclass
from typing import Self

from services.audit.chain import ChainKey
from services.audit.log import AuditLog, Names
from services.audit.repository import AuditRepository, ChainRepository
from services.audit.sealing import Sealer
from services.audit.service import AuditService
from services.audit.verifying import Verifier
from utils.clock import Clock
from utils.store import Store


@dataclass(frozen=True, slots=True)
class AuditArea:
    """What the rest may use of the audit log."""

    service: AuditService
    sealer: Sealer
    verifier: Verifier
    records: AuditRepository

    @classmethod
    def over(cls, store: Store, secret: str, clock: Clock) -> Self:
        """Return the area on one database; the chains' key is derived from ``secret``."""
        key, chains, records = ChainKey.derived(secret), ChainRepository(store), AuditRepository(store)
        return cls(
            service=AuditService(records, store, key, clock),
            sealer=Sealer(chains, store, key),
            verifier=Verifier(chains, key),
            records=records,
        )

    def log(self, names: Names) -> AuditLog:
        """Return what shows the log; ``names`` says who people are."""
        return AuditLog(self.records, self.service, self.verifier, names)
