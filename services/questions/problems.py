"""What can be wrong with questions."""

from utils.problems import Conflict, Forbidden, NotFound


class QuestionNotFound(NotFound):
    """No such question, or not one of yours."""

    title = "No such question"


class QuestionNotYours(Forbidden):
    """The question is the platform's: you may use it, not change it. Make one of your own."""

    title = "The question is the platform's"


class QuestionInUse(Conflict):
    """The question has been put into a test, so what happened there needs it. Retire it instead."""

    title = "The question has been used"


class QuestionIsRetired(Conflict):
    """The question was retired: nothing new is made of it."""

    title = "The question is retired"


class ModuleNotFound(NotFound):
    """No such module. ``GET /question_bank/modules`` lists them."""

    title = "No such module"
