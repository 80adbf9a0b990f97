"""The child of the embedded runner: locks itself in, then becomes the program. Standard library only.

Three processes: one waits outside, for our kill; one is the first of a new PID namespace, prepares the rest
and tells how it went; the third is the program, with no rights. What ends the first or second ends all.
"""

import contextlib
import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_SET_NO_NEW_PRIVS: Final = 38
NEW_USER, NEW_NS, NEW_PID, NEW_NET, NEW_IPC, NEW_UTS = (
    0x10000000,
    0x00020000,
    0x20000000,
    0x40000000,
    0x08000000,
    0x04000000,
)
NEW_ANY: Final = NEW_USER | NEW_NS | NEW_PID | NEW_NET | NEW_IPC | NEW_UTS | 0x02000000 | 0x00000080
THREAD: Final = 0x00010000
RDONLY, NOSUID, NODEV, REMOUNT, BIND, REC, PRIVATE, RELATIME = (
    1,
    2,
    4,
    32,
    4096,
    16384,
    1 << 18,
    1 << 21,
)
KEPT_FLAGS: Final = 2 | 4 | 8 | 1024 | 2048  # of a mount that is bound again, as statvfs tells them
ST_RELATIME: Final = 4096
DETACH: Final = 2
NOBODY: Final = 65534
INSIDE: Final = 1000  # who the program is, in there
NICENESS: Final = 5
ENVIRONMENT: Final = {"PATH": "/usr/bin", "LC_ALL": "C.UTF-8"}
DEVICES: Final = ("null", "urandom")

EPERM, ENOSYS = 1, 38
ALLOW, FAIL, KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, JUMP_EQUAL, JUMP_NOT_BELOW, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# By machine: its number, and the system calls that are named below.
MACHINES: Final[dict[str, tuple[int, dict[str, int]]]] = {
    "x86_64": (0xC000003E, {"clone": 56, "clone3": 435, "prlimit64": 302}),
    "aarch64": (0xC00000B7, {"clone": 220, "clone3": 435, "prlimit64": 261}),
}
# fork, vfork, then what reaches other processes, mounts, networks, keys and rarely used parts of the kernel;
# last the memory, semaphores and messages of System V and POSIX, which no limit of a process counts.
REFUSED: Final[dict[str, tuple[int, ...]]] = {
    "x86_64": (
        *(57, 58, 41, 53, 101, 155, 165, 166, 175, 246, 248, 249, 250, 272, 298, 303, 304, 308),
        *(310, 311, 312, 313, 319, 321, 323, 425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442),
        *(29, 30, 31, 64, 65, 66, 67, 68, 69, 70, 71, 220, 240),
    ),
    "aarch64": (
        *(198, 199, 117, 41, 40, 39, 105, 104, 217, 218, 219, 97, 241, 264, 265, 268),
        *(270, 271, 272, 273, 279, 280, 282, 425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442),
        *(180, *range(186, 198)),
    ),
}
FORKS: Final = (57, 58)  # of x86_64; compilers need them

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Be the three processes, as the terms in the first argument say."""
    terms = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        _leave(terms["parent"])
    except OSError as error:
        _tell(terms, fault=f"it cannot be locked in: {error}")
        os._exit(1)
    if os.fork():
        os.close(terms["report"])
        os.closerange(0, 3)
        os.wait()
        os._exit(0)
    _second(terms)
    os._exit(0)


def _second(terms: dict[str, Any]) -> None:
    _checked(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    try:
        _build(terms)
    except OSError as error:
        _tell(terms, fault=f"it cannot be locked in: {error}")
        return
    _tell(terms, started=True)
    program = os.fork()
    if not program:
        _become(terms)
    os.closerange(0, 3)
    _, status, used = os.wait4(program, 0)
    cpu_ms = round((used.ru_utime + used.ru_stime) * 1000)
    _tell(terms, status=status, cpu_ms=cpu_ms, memory_kb=used.ru_maxrss)


def _leave(parent: int) -> None:
    """Stop being anybody, and leave the namespaces of the machine."""
    os.nice(NICENESS)
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    _checked(libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
    _checked(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)
    with contextlib.suppress(OSError):
        _write("/proc/self/oom_score_adj", "1000")
    own, group = os.getuid(), os.getgid()
    _checked(libc.unshare(NEW_USER | NEW_NS | NEW_PID | NEW_NET | NEW_IPC | NEW_UTS))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{INSIDE} {own} 1")
    _write("/proc/self/gid_map", f"{INSIDE} {group} 1")


def _build(terms: dict[str, Any]) -> None:
    """Make a root of what programs need and nothing else, and go there for good."""
    root = terms["root"]
    _mount(None, "/", flags=REC | PRIVATE)
    _mount("tmpfs", root, "tmpfs", NOSUID | NODEV, f"size={terms['room_mb']}m,nr_inodes=1000,mode=755")
    for name in ("bin", "lib", "lib32", "lib64"):
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
    for path in terms["shown"]:
        _show(path, root + path)
    _show(terms["box"], f"{root}/box", writable=terms["writable"])
    os.mkdir(f"{root}/tmp", 0o777)  # noqa: S108  its own, in memory, gone with it
    os.mkdir(f"{root}/dev")
    for device in DEVICES:
        _write(f"{root}/dev/{device}", "")
        _mount(f"/dev/{device}", f"{root}/dev/{device}", flags=BIND)
    os.chdir(root)
    _checked(libc.pivot_root(b".", b"."))
    _checked(libc.umount2(b".", DETACH))
    os.chdir("/box")


def _show(path: str, at: str, *, writable: bool = False) -> None:
    os.makedirs(at)
    _mount(path, at, flags=BIND | REC)
    told = os.statvfs(at).f_flag
    kept = (told & KEPT_FLAGS) | (RELATIME if told & ST_RELATIME else 0)
    _mount(None, at, flags=BIND | REMOUNT | NOSUID | NODEV | kept | (0 if writable else RDONLY))


def _become(terms: dict[str, Any]) -> None:
    os.setsid()
    report, megabyte = terms["report"], 1024 * 1024
    try:
        for name, most in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, terms["file_mb"] * megabyte),
            (resource.RLIMIT_NOFILE, 32),
            (resource.RLIMIT_STACK, 64 * megabyte),
            (resource.RLIMIT_CPU, terms["cpu_seconds"]),
            (resource.RLIMIT_NPROC, terms["processes"]),
            (resource.RLIMIT_AS, terms["memory_mb"] * megabyte),
        ):
            resource.setrlimit(name, (most, most))
        _filter(forks=terms["forks"])
        os.close(report)
        os.closerange(3, 64)
        os.execve(terms["command"][0], terms["command"], ENVIRONMENT)  # noqa: S606  what this is for
    finally:
        os._exit(127)


def _filter(*, forks: bool) -> None:
    """Have the kernel refuse what no program of an exam needs: other processes, networks, mounts, keys."""
    machine, calls = MACHINES[platform.machine()]
    code = [
        _code(LOAD, 4),
        _code(JUMP_EQUAL, machine, 1, 0),
        _code(RETURN, KILL),
        _code(LOAD, 0),
        _code(JUMP_NOT_BELOW, 0x40000000, 0, 1),  # another way to call the same of x86_64
        _code(RETURN, FAIL | EPERM),
    ]
    for number in REFUSED[platform.machine()]:
        if not (forks and number in FORKS and platform.machine() == "x86_64"):
            code += [_code(JUMP_EQUAL, number, 0, 1), _code(RETURN, FAIL | EPERM)]
    code += [_code(JUMP_EQUAL, calls["clone3"], 0, 1), _code(RETURN, FAIL | ENOSYS)]
    code += [
        _code(JUMP_EQUAL, calls["prlimit64"], 0, 3),
        _code(LOAD, 16),
        _code(JUMP_EQUAL, 0, 5, 0),  # of itself: allowed
        _code(RETURN, FAIL | EPERM),
        _code(JUMP_EQUAL, calls["clone"], 0, 3),
        _code(LOAD, 16),
        *(
            [_code(JUMP_ANY_BIT, NEW_ANY & 0xFFFFFFFF, 0, 1)]
            if forks
            else [_code(JUMP_ANY_BIT, THREAD, 1, 0)]
        ),
        _code(RETURN, FAIL | EPERM),
        _code(RETURN, ALLOW),
    ]
    whole = ctypes.create_string_buffer(b"".join(code))
    program = ctypes.create_string_buffer(struct.pack("HP", len(code), ctypes.addressof(whole)))
    _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc.prctl(PR_SET_SECCOMP, 2, program))


def _code(operation: int, operand: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("HBBI", operation, true, false, operand)


def _mount(source: str | None, at: str, kind: str | None = None, flags: int = 0, data: str = "") -> None:
    texts = (source, at, kind)
    encoded = [None if one is None else one.encode() for one in texts]
    _checked(libc.mount(*encoded, ctypes.c_ulong(flags), data.encode() or None), at)


def _write(path: str, text: str) -> None:
    """Write a small file; without ``open``, whose encodings lie where we may not read any more."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _checked(result: int, what: str = "") -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)} {what}".strip())


def _tell(terms: dict[str, Any], **news: object) -> None:
    os.write(terms["report"], json.dumps(news).encode() + b"\n")


if __name__ == "__main__":
    main()
