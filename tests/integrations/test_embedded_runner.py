"""Programs of somebody hostile: each gets its verdict, reaches nothing, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from integrations.embedded_runner import FOLDER, EmbeddedRunner
from integrations.no_runner import NoRunner
from services.questions.scoring.programs import Verdict
from services.results.documents import CaseFound
from services.results.providers import Program, RunnerAway, Trial
from tests.waiting import until

RUNNER = EmbeddedRunner(256)
ROOT = Path(__file__).resolve().parents[2]
AC, WA, TLE, MLE, RE, CE = Verdict


@pytest.fixture(autouse=True)
def runner() -> EmbeddedRunner:
    """The runner of these tests, where it can lock anything in."""
    if not RUNNER.languages:
        pytest.skip("programs cannot be locked in on this machine")
    return RUNNER


def ran(
    source: str, output: str = "", given: str = "", *, time_ms: int = 5_000, language: str = "python"
) -> CaseFound:
    [found] = RUNNER.run(Program(language, source), [Trial(given, output, time_ms)])
    return found


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("print(int(input()) * 2)", AC),
        ("print('42  \\n')", AC),
        ("print(41)", WA),
        ("print('42 42')", WA),
        ("import os; os.write(1, b'\\xff\\xfe')", WA),
        ("while True: print('x' * 1000)", WA),
        ("1 / 0", RE),
        ("print(42); exit(3)", RE),
        ("import ctypes; ctypes.string_at(0)", RE),
        ("import os; os.abort()", RE),
        ("print(42", CE),
        ("x = bytearray(10 ** 10)", MLE),
        ("x = []\nwhile True: x.append(bytearray(10 ** 6))", MLE),
    ],
)
def test_a_program_gets_its_verdict(source: str, verdict: Verdict) -> None:
    assert ran(source, "42\n", "21\n").verdict is verdict


@pytest.mark.parametrize("waste", ["while True: pass", "import time; time.sleep(60)"])
def test_one_that_never_ends_is_ended(waste: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.embedded_runner.SPARE_SECONDS", 1.0)
    begun = time.monotonic()

    assert ran(waste, time_ms=100).verdict is TLE

    assert time.monotonic() - begun < 30


def test_one_that_is_right_and_slower_than_its_time_is_slow() -> None:
    busy = "import time\nwhile time.process_time() < 0.35: pass\nprint(1)"

    assert ran(busy, "1", time_ms=250) == CaseFound(verdict=AC, slow=True)
    assert ran(busy, "1", time_ms=5_000) == CaseFound(verdict=AC)


# Each of these would end without an exception if it were let.
ATTACKS = {
    "fork": "os.fork()",
    "another program": "__import__('subprocess').run(['/usr/bin/python3', '-c', '1'])",
    "network": "__import__('socket').create_connection(('127.0.0.1', 22))",
    "a socket of any kind": "__import__('socket').socket(__import__('socket').AF_UNIX)",
    "passwords": "open('/etc/passwd').read()",
    "processes": "os.listdir('/proc/1')",
    "our code": f"os.listdir({str(ROOT)!r})",
    "homes": "os.listdir('/home')",
    "its own folder": "open('/box/other.py', 'w')",
    "the programs of the machine": "open('/usr/bin/new', 'w')",
    "a large file": "open('/tmp/large', 'wb').write(bytes(9 * 10 ** 6))",
    "open files": "[open('/dev/null') for _ in range(100)]",
    "being root": "os.setuid(0)",
    "another root": "os.chroot('/tmp')",
    "more memory": "__import__('resource').setrlimit(9, (2 ** 40, 2 ** 40))",
    "the limits of who waits": "__import__('resource').prlimit(1, 0, (0, 0))",
    "a device": "os.mknod('/tmp/sda', 0o60600, os.makedev(8, 0))",
    "unshare": "call('unshare', 0x10000000)",
    "mount": "call('mount', b'/', b'/tmp', None, 4096, None)",
    "ptrace": "call('ptrace', 16, 1, 0, 0)",
    "keys": "call('syscall', 250, 0, 0, 0, 0)",
    "bpf": "call('syscall', 321, 0, 0, 0)",
    "shared memory": "call('shmget', 0, 4096, 0o1600)",
    "semaphores": "call('semget', 0, 9, 0o1600)",
    "messages": "call('msgget', 0, 0o1600)",
    "another way to call": "call('syscall', 0x40000000 + 39)",
    "many files": "[open(f'/tmp/{n}', 'w').close() for n in range(2000)]",
}
TRIES = """
import ctypes, os
def call(name, *args):
    if ctypes.CDLL(None)[name](*args) == -1:
        raise OSError
for name, attack in ATTACKS.items():
    try:
        eval(attack)
    except (OSError, ValueError):
        continue
    print(name)
"""
SIGNALS = """
import os
for who in (1, -1):
    for what in (2, 15, 9, 19):
        try: os.kill(who, what)
        except OSError: pass
print(1)
"""
FORGED = """
import os
for fd in range(3, 64):
    try: os.write(fd, b'{"status": 0}')
    except OSError: pass
os._exit(3)
"""
LOOKS = "import os\nprint(sorted(os.environ), os.listdir('/'), os.listdir('/box'), os.listdir('/tmp'))"
CROWD = "from threading import *\nfor _ in range(99): Thread(target=Event().wait, daemon=True).start()"
WRITES = (
    "import os, time\nname = input()\nopen('/tmp/' + name, 'w')\ntime.sleep(0.3)\nprint(os.listdir('/tmp'))"
)


def test_it_is_kept_from_whatever_it_tries() -> None:
    def let(attacks: dict[str, str]) -> bool:
        return ran(f"ATTACKS = {attacks!r}\n{TRIES}").verdict is not AC

    assert not let(ATTACKS), [name for name, attack in ATTACKS.items() if let({name: attack})]
    assert let({"nothing that is refused": "print"})


def test_it_sees_nothing_but_its_own_file_and_the_programs_of_the_machine() -> None:
    source = LOOKS.replace("os.listdir('/')", "sorted({'box', 'dev', 'tmp', 'usr'} ^ set(os.listdir('/')))")
    links = sorted(name for name in ("bin", "lib", "lib32", "lib64") if os.path.islink(f"/{name}"))

    assert ran(source, f"['LC_ALL', 'PATH'] {links} ['program.py'] []").verdict is AC


def test_signals_reach_nobody_who_waits_and_a_forged_report_is_none() -> None:
    assert ran(SIGNALS, "2").verdict in (WA, RE, TLE)
    assert ran(FORGED).verdict is RE


def test_threads_are_allowed_and_a_crowd_of_them_is_not() -> None:
    one = "import threading\nt = threading.Thread(target=print, args=('x',))\nt.start(); t.join()"

    assert ran(one, "x").verdict is AC
    assert ran(CROWD).verdict is not AC


@pytest.mark.parametrize(
    ("language", "source", "verdict"),
    [
        ("c", '#include <stdio.h>\nint main(){int n; scanf("%d",&n); printf("%d\\n", 2*n);}', AC),
        ("cpp", "#include <iostream>\nint main(){int n; std::cin >> n; std::cout << 2*n;}", AC),
        ("c", "int main(){int *p = 0; *p = 1;}", RE),
        (
            "c",
            "int f(int n){volatile char a[9999]; a[0]=n; return f(n+1)+a[0];} int main(){return f(0);}",
            RE,
        ),
        ("c", "#include <unistd.h>\nint main(){for(;;) if (fork() < 0) _exit(7);}", RE),
        ("cpp", "#include <vector>\nint main(){std::vector<char> v(1u << 30, 1); return v[5]-1;}", MLE),
        ("c", "int main(){", CE),
        ("c", '#include "/etc/passwd"\nint main(){}', CE),
        ("c", "char a[1 << 30] = {1}; int main(){}", CE),
        ("cpp", "template<int n> struct A { A<n+1> a; }; int main(){ A<0> a; }", CE),
    ],
)
def test_a_compiled_program_gets_its_verdict(language: str, source: str, verdict: Verdict) -> None:
    if language not in RUNNER.languages:
        pytest.skip("there is no compiler")

    assert ran(source, "42", "21", language=language).verdict is verdict


def test_nothing_is_left_behind_and_two_do_not_meet() -> None:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda name: ran(WRITES, f"[{name!r}]", name), ("a", "b")))

    assert [one.verdict for one in found] == [AC, AC]
    assert [
        name for name in os.listdir(tempfile.gettempdir()) if name.startswith(f"{FOLDER}{os.getpid()}-")
    ] == []
    assert [
        one for one in psutil.Process().children(recursive=True) if "locked_in" in " ".join(one.cmdline())
    ] == []


def test_what_a_server_that_was_killed_left_is_swept_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.embedded_runner.LOOKS_WELL", {})
    old, new = (Path(tempfile.mkdtemp(prefix=f"{FOLDER}{name}-")) for name in ("old", "new"))
    os.utime(old, (time.time() - 7200,) * 2)

    assert EmbeddedRunner(256).languages == frozenset()

    assert not old.exists() and new.exists()
    new.rmdir()


def test_a_program_dies_with_the_server_that_runs_it() -> None:
    endless = (
        "from integrations.embedded_runner import *\n"
        "print('on', flush=True)\n"
        "list(EmbeddedRunner(256).run(Program('python', 'while True: pass'), [Trial('', '', 60_000)]))"
    )
    server = subprocess.Popen([sys.executable, "-c", endless], cwd=ROOT, stdout=subprocess.PIPE)

    def started() -> list[psutil.Process]:
        found = psutil.Process(server.pid).children(recursive=True)
        return found if len(found) >= 3 else []  # two that wait, and the program

    children = until(started, "the program")
    server.send_signal(signal.SIGKILL)
    server.communicate()

    assert psutil.wait_procs(children, timeout=60)[1] == []


def test_each_trial_is_run_when_it_is_asked_for_and_a_program_without_trials_is_not_even_compiled() -> None:
    runs = RUNNER.run(Program("python", "print(input())"), [Trial("1", "1", 5_000), Trial("2", "1", 5_000)])

    assert next(runs).verdict is AC and next(runs).verdict is WA
    assert list(RUNNER.run(Program("cobol", "?"), [])) == []
    with pytest.raises(RunnerAway):
        list(RUNNER.run(Program("cobol", "?"), [Trial("", "", 1)]))


def test_where_nothing_can_be_locked_in_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.embedded_runner.shown", lambda: ["/nowhere"])

    assert EmbeddedRunner(256).languages == frozenset()
    assert NoRunner().languages == frozenset()
