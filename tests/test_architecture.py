"""The rules of the architecture that import-linter cannot see, checked on the syntax trees."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from routes._kit.endpoint import Undeclared, refuse_undeclared

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("assembly", "config", "utils", "services", "routes", "integrations", "commands")
FRAMEWORKS = {
    "flask",
    "flask_socketio",
    "flask_jwt_extended",
    "socketio",
    "eventlet",
    "boto3",
    "redis",
    "dramatiq",
}
# Every deliberate access without a scope, by its reason: a new one is a decision to be reviewed here.
UNSCOPED = {
    "a job of the platform": "services/batch_jobs/service.py",
    "answers of several students, each filtered by their own scope": "services/attempts/save_repository.py",
    "events of a provider": "services/batch_jobs/event_repository.py",
    "exams that somebody watches": "services/exam_room/progress.py",
    "jobs that have outlived their time": "services/batch_jobs/retention_repository.py",
    "login": "services/accounts/names.py",
    "messages of the platform": "services/notifications/suppression.py",
    "message texts of the platform": "services/notifications/texts.py",
    "one-time link": "services/accounts/credentials.py",
    "people who are sent a link": "services/accounts/links.py",
    "principal": "services/accounts/principals.py",
    "rights of whoever started a job": "services/accounts/rights.py",
    "sealing and checking the audit log": "services/audit/repository.py",
    "reminders that fall due, of every campus": "services/assessments/repository.py",
    "signed link to a file": "services/files/repository.py",
    "sweep of files that nobody finished": "services/files/repository.py",
    "sweep of attempts whose time is over": "services/attempts/repository.py",
    "the first superadmin": "services/accounts/service.py",
    "uses of questions, also of the platform's": "services/questions/repository.py",
}


def sources(*layers: str) -> Iterator[tuple[str, ast.Module]]:
    for layer in layers or LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_only_repositories_and_migrations_open_collections() -> None:
    offenders = [
        f"{path}: {name}"
        for path, tree in sources("services", "routes", "integrations", "commands", "utils")
        for name, _ in calls(tree)
        if name.endswith((".rows", ".system"))
        and name.split(".")[-2:-1] == ["store"]
        and not path.endswith("repository.py")
    ]

    assert offenders == []


def test_the_database_handle_is_used_by_repositories_migrations_and_probes_only() -> None:
    allowed = {"utils/store.py", "commands/operations.py"}
    offenders = [
        path
        for path, tree in sources()
        if path not in allowed
        and any(
            isinstance(n, ast.Attribute) and n.attr == "db" and ast.unparse(n.value).endswith("store")
            for n in ast.walk(tree)
        )
    ]

    assert offenders == []


def test_models_and_documents_know_only_what_is_below_them() -> None:
    models = set(imported(ast.parse((ROOT / "models.py").read_text(encoding="utf-8"))))
    assert not {name.split(".")[0] for name in models} & ({"routes", "integrations", "main"} | FRAMEWORKS)
    for path, tree in sources("services"):
        if path.endswith("documents.py"):
            assert not [
                name
                for name in imported(tree)
                if name == "models" or name.endswith((".service", ".repository"))
            ], path


def test_nobody_imports_the_composition_root() -> None:
    assert [path for path, tree in sources() if "main" in set(imported(tree))] == []


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    }

    assert readers <= {"config/settings.py", "utils/limited_process.py"}


def test_urls_are_added_by_the_declaring_decorator_only() -> None:
    offenders = [
        f"{path}: {ast.unparse(decorator)}"
        for path, tree in sources("routes")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        and ast.unparse(decorator.func).endswith((".route", ".get", ".post", ".put", ".delete", ".patch"))
    ]

    assert offenders == []


def test_an_app_with_an_undeclared_url_does_not_start() -> None:
    with pytest.raises(Undeclared, match="bare"):
        refuse_undeclared({"bare": lambda: None})


def test_every_access_without_a_scope_is_listed_with_its_reason() -> None:
    found = {
        ast.literal_eval(call.args[0]): path
        for path, tree in sources("services", "routes", "integrations", "commands")
        for name, call in calls(tree)
        if name.endswith("Scope.unscoped")
    }

    assert found == UNSCOPED


def test_the_audit_log_is_opened_by_its_own_repository_which_only_adds_and_seals() -> None:
    openers, does = set(), []
    for path, tree in sources("assembly", "commands", "integrations", "routes", "services", "utils"):
        named = {
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id.startswith("AUDIT")
        }
        opened = {ast.unparse(arg) for name, call in calls(tree) for arg in call.args if "rows" in name}
        if named & {"AUDIT", "AUDIT_HEADS"} or opened & {"'audit'", "'audit_heads'", "audit.AUDIT"}:
            openers.add(path)
        if path == "services/audit/repository.py":
            does = [name for name, _ in calls(tree) if name.startswith(("self._rows.", "self._heads."))]

    documents = {"services/audit/documents.py", "services/migrations.py"}
    assert openers == {"services/audit/repository.py", *documents}
    assert [name for name in does if "delete" in name] == []
    assert sorted(name for name in does if "update" in name) == [
        "self._heads.find_and_update",
        "self._heads.update_one",
        "self._rows.update_each",
    ]


def test_only_authors_and_scoring_open_the_keys_of_questions() -> None:
    name = "services.questions.key_repository"
    importers = {path for path, tree in sources() if name in set(imported(tree))}
    namers = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Constant) and node.value == "answer_keys")
        or (isinstance(node, ast.Name) and node.id == "ANSWER_KEYS")
    }

    assert importers == {
        f"services/questions/{one}.py" for one in ("area", "bank", "exchange/exporting", "trial", "writing")
    } | {f"services/results/{one}.py" for one in ("area", "marking", "service")}
    assert namers == {"services/questions/documents.py", "services/questions/key_repository.py"}


def test_top_level_names_do_not_hide_the_standard_library() -> None:
    names = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}

    assert not names & set(sys.stdlib_module_names)


def test_importing_main_opens_nothing_and_starts_nothing() -> None:
    check = """
import os, socket, threading
def refuse(*a, **k): raise AssertionError("an import opened a socket")
socket.socket.connect = refuse
class Watched(type(os.environ)): pass
import main
assert threading.active_count() == 1, threading.enumerate()
import sys
assert "eventlet" not in sys.modules and "openpyxl" not in sys.modules, "an import pulled in too much"
"""
    subprocess.run([sys.executable, "-c", check], check=True, cwd=ROOT)
