"""The programs of this machine by which others' are compiled and run."""

import os
import shutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

SHOWN: Final = ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/include")


@cache
def shown() -> list[str]:
    """Return the folders that programs and compilers read, and nothing of ours."""
    python = _python()
    inside = python is None or python.startswith("/usr/bin/")
    more = (
        () if inside or python is None else (str(Path(python).parent), str(Path(python).parents[1] / "lib"))
    )
    loose = tuple(f"/{name}" for name in ("lib", "lib32", "lib64") if not Path("/", name).is_symlink())
    return [path for path in (*SHOWN, *loose, *more) if Path(path).is_dir()]


@cache
def _python() -> str | None:
    """Return an interpreter that everybody may read: ours, or else the machine's."""
    ours = os.path.realpath(sys.executable)
    if all(path.stat().st_mode & 0o005 == 0o005 for path in (Path(ours), *Path(ours).parents)):
        return ours
    found = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    return os.path.realpath(found) if found else None


def compiler(language: str) -> list[str] | None:
    """Return what makes a program of the source, or tells that it is none; None where there is nothing."""
    if language == "python" and (python := _python()):
        check = "compile(open('program.py', encoding='utf-8').read(), 'program.py', 'exec')"
        return [python, "-I", "-S", "-B", "-c", check]
    name = {"c": "gcc", "cpp": "g++"}.get(language)
    compiler = shutil.which(name, path="/usr/bin") if name else None
    if compiler is None:
        return None
    standard = {"c": "-std=gnu17", "cpp": "-std=gnu++20"}[language]
    return [os.path.realpath(compiler), standard, "-O2", "-o", "program", f"program.{language}", "-lm"]


def command(language: str) -> list[str]:
    """Return what runs a program that was compiled."""
    commands: Mapping[str, list[str]] = {
        "python": [str(_python()), "-I", "-S", "-B", "program.py"],
    }
    return commands.get(language, ["/box/program"])
