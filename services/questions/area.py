"""The question bank put together."""

from dataclasses import dataclass
from typing import Self

from services.accounts.area import Surroundings
from services.files.service import FileService
from services.questions.bank import BankGround, QuestionBank
from services.questions.exchange.exporting import QuestionExports
from services.questions.exchange.importing import QuestionImports
from services.questions.key_repository import AnswerKeyRepository
from services.questions.modules import ModuleService
from services.questions.repository import ModuleRepository, QuestionRepository
from services.questions.selection import QuestionSelection
from services.questions.trial import QuestionTrials
from services.questions.writing import QuestionWriter
from utils.limited_process import Limits


@dataclass(frozen=True, slots=True)
class QuestionArea:
    """What the rest may use of the question bank."""

    bank: QuestionBank
    modules: ModuleService
    imports: QuestionImports
    exports: QuestionExports
    selection: QuestionSelection
    trials: QuestionTrials

    @classmethod
    def over(cls, around: Surroundings, questions: QuestionRepository, files: FileService) -> Self:
        """Return the area on one database."""
        store, audit = around.store, around.audit
        keys = AnswerKeyRepository(store)
        modules = ModuleService(ModuleRepository(store), store, audit)
        ground = BankGround(
            questions=questions,
            writer=QuestionWriter(questions, keys, around.clock),
            store=store,
            audit=audit,
            places=around.places,
            modules=modules,
            files=files,
        )
        limits = Limits(
            memory_mb=around.settings.import_memory_mb,
            cpu_seconds=around.settings.import_cpu_seconds,
            wall_seconds=around.settings.import_wall_seconds,
        )
        return cls(
            bank=QuestionBank(ground, keys),
            modules=modules,
            imports=QuestionImports(ground, limits),
            exports=QuestionExports(questions, keys, audit),
            selection=QuestionSelection(questions, around.places),
            trials=QuestionTrials(ground, keys),
        )
