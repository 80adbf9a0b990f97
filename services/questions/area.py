"""The question bank put together."""

from dataclasses import dataclass
from typing import Self

from services.accounts.area import Surroundings
from services.files.service import FileService
from services.questions.bank import BankGround, QuestionBank
from services.questions.key_repository import AnswerKeyRepository
from services.questions.modules import ModuleService
from services.questions.repository import ModuleRepository, QuestionRepository
from services.questions.trial import QuestionTrials
from services.questions.writing import QuestionWriter


@dataclass(frozen=True, slots=True)
class QuestionArea:
    """What the rest may use of the question bank."""

    bank: QuestionBank
    modules: ModuleService
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
        return cls(bank=QuestionBank(ground, keys), modules=modules, trials=QuestionTrials(ground, keys))
