"""Reports as JSON what the process it runs in may do. Runs inside a container, with the standard library alone.

Every question is put so that a "yes" changes nothing that outlives it: system calls get arguments that no kernel
accepts, files are opened and never written, and each attempt runs in a child of its own, under an alarm.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import stat
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
X32 = 0x40000000
DOWN = (1 << 64) - 1
# Calls by number that everybody may make and that end or stop the caller, write out all disks, return twice, or make
# a queue or semaphores that stay.
NOT_TRIED = {15, 34, 57, 58, 60, 64, 68, 162, 231} if X86 else {81, 93, 94, 139, 186, 190}
NOT_TRIED_32 = {1, 2, 29, 36, 72, 119, 173, 179, 190, 252, 393, 399}
# The numbers of the calls that are asked with arguments that mean something (x86_64, others)
NUMBERS = {
    "mount": (165, 40), "umount2": (166, 39), "unshare": (272, 97), "setns": (308, 268), "clone": (56, 220),
    "clone3": (435, 435), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "perf_event_open": (298, 241), "ptrace": (101, 117), "personality": (135, 92), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "fanotify_init": (300, 262), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fsopen": (430, 430), "open_tree": (428, 428), "fspick": (433, 433),
    "memfd_secret": (447, 447), "memfd_create": (319, 279), "swapon": (167, 224), "reboot": (169, 142),
    "kexec_load": (246, 104), "init_module": (175, 105), "syslog": (103, 116), "settimeofday": (164, 170),
    "sethostname": (170, 161), "setdomainname": (171, 162), "pivot_root": (155, 41), "acct": (163, 89),
    "process_vm_readv": (310, 270), "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "mbind": (237, 235), "set_mempolicy": (238, 237), "get_mempolicy": (239, 236),
    "move_pages": (279, 239), "migrate_pages": (256, 238), "quotactl": (179, 60), "capset": (126, 91),
    "ioprio_set": (251, 30), "lookup_dcookie": (212, 18), "mount_setattr": (442, 442), "landlock": (444, 444),
    "seccomp": (317, 277), "fsmount": (432, 432), "statmount": (457, 457), "listmount": (458, 458),
    "vmsplice": (278, 75), "mknodat": (259, 33),
}  # fmt: skip
if X86:
    NUMBERS |= {"iopl": (172, 0), "ioperm": (173, 0), "modify_ldt": (154, 0), "arch_prctl": (158, 0)}
Outcome = str


def call(name: str | int, *arguments: Any) -> int:
    """Make a system call; raises OSError."""
    number = name if isinstance(name, int) else NUMBERS[name][0 if X86 else 1]
    result = int(LIBC.syscall(ctypes.c_long(number), *(_word(a) for a in arguments)))
    if result == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


def _word(value: Any) -> Any:
    return ctypes.c_ulong(value & DOWN) if isinstance(value, int) else value


def outcomes(attempts: Mapping[str, Callable[[], Any]], seconds: int = 3) -> dict[str, Outcome]:
    """Try each in a child: `ok`, the name of an error, or the signal that ended it.

    What fails changes nothing, so one child goes on from failure to failure; a success, which may have changed it, is
    the last thing it does.
    """
    waiting, found = dict(attempts), {}
    while waiting:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _try_until_one_succeeds(waiting, writing, seconds)
        os.close(writing)
        with open(reading) as pipe:
            said = pipe.read().splitlines()
        ended = os.waitpid(child, 0)[1]
        for label, word in zip(list(waiting), said, strict=False):
            found[label] = word
            del waiting[label]
        if ended and waiting:
            label = next(iter(waiting))
            found[label] = signal.Signals(ended & 127).name if ended & 127 else "ended"
            del waiting[label]
    return found


def _try_until_one_succeeds(attempts: Mapping[str, Callable[[], Any]], said: int, seconds: int) -> NoReturn:
    me = os.getpid()
    for attempt in attempts.values():
        signal.alarm(seconds)
        try:
            attempt()
            word = "ok"
        except OSError as e:
            word = errno.errorcode.get(e.errno or 0, str(e.errno))
        except Exception as e:
            word = f"{type(e).__name__}: {e}"
        if os.getpid() != me:
            os._exit(0)
        os.write(said, f"{word}\n".encode())
        if word == "ok":
            break
    os._exit(0)


def numbered_calls() -> dict[str, Outcome]:
    """Every call by number with all arguments -1, which is no address, descriptor, flag or process."""
    return outcomes({str(n): lambda n=n: call(n, *[-1] * 6) for n in range(471) if n not in NOT_TRIED})


def calls_of_32_bits() -> dict[str, Outcome]:
    """The same through the gate for 32-bit programs, and a few through the x32 one."""
    if not X86:
        return {}
    gate = _gate32()
    tries = {f"i386 {n}": lambda n=n: gate(n) for n in range(471) if n not in NOT_TRIED_32}
    return outcomes(tries | {f"x32 {n}": lambda n=n: call(X32 | n, *[-1] * 6) for n in (101, 165, 272, 317, 521, 522)})


def _gate32() -> Callable[[int], None]:
    code = bytes.fromhex("53 89f8 89f3 87d1 4489c6 4489cf cd80 5b c3")  # int 0x80 with the arguments moved over
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    function = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_uint] * 6)(address)

    def enter(number: int) -> None:
        result = function(number, *[0xFFFFFFFF] * 5)
        if -4096 < result < 0:
            raise OSError(-result, "")

    enter.page = page  # type: ignore[attr-defined] # kept as long as the code
    return enter


NAMESPACES = {
    "user": 0x10000000, "mnt": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x8000000, "uts": 0x4000000,
    "cgroup": 0x2000000, "time": 0x80,
}  # fmt: skip


def meaningful_calls() -> dict[str, Outcome]:
    """System calls that open a way out when they work, with arguments that would work."""
    tries: dict[str, Callable[[], Any]] = {}

    def ask(label: str, name: str, *arguments: Any) -> None:
        if name in NUMBERS:
            tries[label] = lambda: call(name, *arguments)

    for kind, flag in NAMESPACES.items():
        ask(f"unshare {kind}", "unshare", flag)
        if kind != "time":
            tries[f"clone {kind}"] = lambda flag=flag: _clone(flag)
        tries[f"setns {kind}"] = lambda kind=kind, flag=flag: _setns(kind, flag)
    attributes = ctypes.create_string_buffer(struct.pack("11Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0))
    tries["clone3 user"] = lambda: call("clone3", attributes, 88) or os._exit(0)
    ask("mount tmpfs", "mount", b"x", b"/mnt-probe", b"tmpfs", 0, None)
    ask("mount bind", "mount", b"/etc", b"/etc", None, 0x1000, None)
    ask("mount move", "mount", b"/proc", b"/mnt", None, 0x2000, None)
    ask("remount sys", "mount", None, b"/sys", None, 0x20 | 0x2 | 0x4 | 0x8, None)
    ask("umount masked", "umount2", b"/proc/kcore", 2)
    ask("fsopen", "fsopen", b"tmpfs", 0)
    ask("fspick", "fspick", -100, b"/proc", 0)
    ask("open_tree clone", "open_tree", -100, b"/", 1)
    ask("mount_setattr", "mount_setattr", -100, b"/sys", 0, struct.pack("4Q", 0, 1, 0, 0), 32)
    ask("pivot_root", "pivot_root", b"/", b"/")
    ask("keyctl session", "keyctl", 0, -3, 0)
    ask("keyctl describe", "keyctl", 6, -4, 0, 0)
    ask("add_key", "add_key", b"user", b"probe", b"x", 1, -1)
    ask("request_key", "request_key", b"user", b"probe", None, 0)
    ask("bpf map", "bpf", 0, struct.pack("4I", 1, 4, 4, 1) + bytes(104), 120)
    ask("perf_event_open", "perf_event_open", struct.pack("IIQ", 1, 112, 0) + bytes(96), 0, -1, -1, 0)
    ask("perf kernel", "perf_event_open", struct.pack("IIQ", 1, 112, 0) + bytes(96), -1, 0, -1, 0)
    ask("ptrace traceme", "ptrace", 0, 0, 0, 0)
    ask("ptrace init", "ptrace", 0x4206, os.getpid() if os.getpid() == 1 else 1, 0, 0)
    for label, value in {"get": 0xFFFFFFFF, "linux": 0, "32": 8, "uname26": 0x20000, "no random": 0x40000,
                         "read exec": 0x400000, "short inode": 0x1000000}.items():  # fmt: skip
        ask(f"personality {label}", "personality", value)
    ask("userfaultfd", "userfaultfd", 0)
    ask("userfaultfd user", "userfaultfd", 1)
    ask("io_uring", "io_uring_setup", 1, bytes(120))
    ask("fanotify", "fanotify_init", 0, 0)
    tries["file handle"] = _handle
    ask("memfd_secret", "memfd_secret", 0)
    ask("memfd_create", "memfd_create", b"x", 0)
    ask("swapon", "swapon", b"/nonexistent", 0)
    ask("reboot", "reboot", 0xFEE1DEAD, 672274793, 0x7FFFFFFF, 0)  # no such command
    ask("kexec", "kexec_load", 0, 17, None, 0)
    ask("init_module", "init_module", b"x", 1, b"")
    ask("syslog read", "syslog", 10, None, 0)
    ask("syslog clear", "syslog", 99, None, 0)
    ask("settimeofday", "settimeofday", None, None)
    ask("sethostname", "sethostname", socket.gethostname().encode(), len(socket.gethostname()))
    ask("setdomainname", "setdomainname", b"(none)", 6)
    ask("acct", "acct", b"/nonexistent")
    word = ctypes.create_string_buffer(8)
    vector = struct.pack("2Q", ctypes.addressof(word), 8)
    ask("process_vm_readv", "process_vm_readv", os.getpid(), vector, 1, vector, 1, 0)
    ask("process_vm_readv init", "process_vm_readv", 1, vector, 1, vector, 1, 0)
    ask("kcmp", "kcmp", os.getpid(), os.getpid(), 1, 0, 0)
    ask("pidfd_getfd", "pidfd_getfd", _opened_pidfd(), 0, 0)
    ask("process_madvise", "process_madvise", _opened_pidfd(), vector, 0, 20, 0)
    ask("get_mempolicy", "get_mempolicy", None, None, 0, 0, 0)
    ask("set_mempolicy", "set_mempolicy", 0, None, 0)
    ask("mbind", "mbind", 0, 0, 0, None, 0, 0)
    ask("move_pages", "move_pages", 0, 0, None, None, None, 0)
    ask("migrate_pages", "migrate_pages", 0, 0, None, None)
    ask("quotactl", "quotactl", 0x80000100, b"/nonexistent", 0, None)
    ask("capset all", "capset", struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0xFFFFFFFF] * 3, *[0x1FF] * 3))
    ask("ioprio realtime", "ioprio_set", 1, 0, 1 << 13)
    ask("landlock version", "landlock", None, 0, 1)
    ask("iopl", "iopl", 3)
    ask("ioperm", "ioperm", 0x80, 1, 1)
    ask("modify_ldt", "modify_ldt", 0, word, 8)
    return outcomes(tries | _by_library())


def _clone(flag: int) -> None:
    if call("clone", flag | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)


def _setns(kind: str, flag: int) -> None:
    fd = os.open(f"/proc/self/ns/{kind}", os.O_RDONLY)
    call("setns", fd, flag)


def _handle() -> None:
    """Open the root by its handle, which goes past every mount and `chroot`."""
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    call("name_to_handle_at", -100, b"/", handle, ctypes.byref(mount), 0)
    call("open_by_handle_at", os.open("/", os.O_RDONLY), handle, os.O_RDONLY)


def _opened_pidfd() -> int:
    try:
        return os.pidfd_open(os.getpid())
    except OSError:
        return -1


def _by_library() -> dict[str, Callable[[], Any]]:
    return {
        "chroot": lambda: os.chroot("/"),
        "nice": lambda: os.setpriority(os.PRIO_PROCESS, 0, -5),
        "fifo scheduling": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        "setuid": lambda: os.setresuid(12, 12, 12),
        "setgid": lambda: os.setresgid(12, 12, 12),
        "setgroups": lambda: os.setgroups([5]),
        "hard limit": lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)),
        "lower oom score": lambda: Path("/proc/self/oom_score_adj").write_text("-900"),
        "signal init": lambda: os.kill(1, 0),
        "uid map": lambda: os.open("/proc/self/uid_map", os.O_WRONLY),
        "clear references": lambda: os.open("/proc/1/clear_refs", os.O_WRONLY),
        "core memory": lambda: os.open("/proc/1/mem", os.O_RDWR),
        "root of init": lambda: os.listdir("/proc/1/root/"),
        "environment of init": lambda: os.open("/proc/1/environ", os.O_RDONLY),
        "namespace of init": lambda: os.open("/proc/1/ns/mnt", os.O_RDONLY),
        "port below 1024": lambda: socket.socket().bind(("127.0.0.1", 81)),
        "chown": lambda: os.chown(_made("chown"), 12, 12),
        "set-uid bit": lambda: os.chmod(_made("suid"), 0o4755),
        "file capability": lambda: os.setxattr(_made("cap"), "security.capability", bytes((1, 0, 0, 2)) + bytes(16)),
        "trusted attribute": lambda: os.setxattr(_made("trusted"), "trusted.probe", b"x"),
        "immutable file": _immutable,
        "lock memory": lambda: mmap.mmap(-1, 4096).madvise(mmap.MADV_DONTDUMP),
        "terminal input": lambda: fcntl.ioctl(os.open("/dev/tty", os.O_RDWR), 0x5412, b"x"),
        "new terminal": os.openpty,
        "symlink of another": _sticky_symlink,
        "hard link to another's": _hard_link,  # the last: it gives its rights up
    }  # fmt: skip


def _made(name: str) -> str:
    path = f"{_writable_folder()}/probe-{name}-{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    return path


def _writable_folder() -> str:
    return next((d for d in ("/tmp", "/dev/shm", "/dev") if os.access(d, os.W_OK)), "/tmp")


def _immutable() -> None:
    fd = os.open(_made("immutable"), os.O_RDONLY)
    fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0x10))
    fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0))


def _hard_link() -> None:
    """fs.protected_hardlinks: an ordinary user may not link what it cannot write."""
    folder = _writable_folder()
    if os.getuid() == 0:
        os.setresuid(12, 12, 12)
    os.link("/etc/passwd" if folder == "/tmp" else "/dev/null", f"{folder}/probe-link-{os.getpid()}")


def _sticky_symlink() -> None:
    """fs.protected_symlinks: in a sticky folder one follows only links of one's own or of the folder's owner."""
    path = f"{_writable_folder()}/probe-symlink-{os.getpid()}"
    os.symlink("/etc/passwd", path)
    os.lchown(path, 12, 12)
    os.open(path, os.O_RDONLY)


def sockets() -> dict[str, Outcome]:
    """Every address family, and the protocols of netlink; raw and packet sockets."""
    kinds = {"stream": 1, "datagram": 2, "raw": 3, "sequenced": 5}
    tries = {f"{f} {k}": lambda f=f, n=n: socket.socket(f, n, 0).close() for f in range(47) for k, n in kinds.items()}
    tries |= {f"netlink {p}": lambda p=p: socket.socket(16, 3, p) for p in range(23)}
    tries["icmp raw"] = lambda: socket.socket(2, 3, 1)
    tries["icmp ping"] = lambda: socket.socket(2, 2, 1)
    tries["pair"] = socket.socketpair
    return outcomes(tries)


def status() -> dict[str, str]:
    """What the kernel says of this process."""
    wanted = (
        "Cap",
        "NoNew",
        "Seccomp",
        "Groups",
        "Uid",
        "Gid",
        "Umask",
        "Spec",
        "CoreDumping",
        "THP",
        "SigIgn",
        "SigBlk",
    )
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {k: v.strip() for k, _, v in (line.partition(":") for line in lines) if k.startswith(wanted)}
    for name in ("oom_score_adj", "uid_map", "gid_map", "setgroups", "coredump_filter", "personality", "attr/current",
                 "timerslack_ns", "loginuid", "sessionid", "projid_map"):  # fmt: skip
        try:
            found[name] = " ".join(Path(f"/proc/self/{name}").read_text().split())
        except OSError as e:
            found[name] = errno.errorcode[e.errno or 0]
    found["SigIgn"] = f"{int(found['SigIgn'], 16) & ~(3 << 31):x}"  # without the C library's own signals, 32 and 33
    found["nice"] = str(os.getpriority(os.PRIO_PROCESS, 0))
    found["scheduler"] = str(os.sched_getscheduler(0))
    found["cwd"] = os.getcwd()
    found["dumpable"] = str(LIBC.prctl(3, 0, 0, 0, 0))
    found["securebits"] = str(LIBC.prctl(27, 0, 0, 0, 0))
    found["subreaper"] = str(_subreaper())
    # descriptors besides the standard three are what somebody forgot to close
    found["descriptors"] = " ".join(sorted(_descriptors()))
    found["environment"] = " ".join(
        sorted(f"{k}={v}" for k, v in os.environ.items() if k not in ("HOSTNAME", "LC_CTYPE"))
    )
    found["hostname"] = "own" if socket.gethostname() == os.environ.get("HOSTNAME") else "other"
    found["first process"] = " ".join(Path("/proc/1/cmdline").read_text().split("\0")[:1])
    return found


def _subreaper() -> int:
    flag = ctypes.c_int()
    LIBC.prctl(37, ctypes.byref(flag), 0, 0, 0)
    return flag.value


def _descriptors() -> Iterable[str]:
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                yield os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue  # the one of the listing itself


def limits() -> dict[str, str]:
    return {n: str(resource.getrlimit(getattr(resource, n))) for n in dir(resource) if n.startswith("RLIMIT_")}


def namespaces() -> dict[str, str]:
    return {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in sorted(os.listdir("/proc/self/ns"))}


def device_nodes() -> dict[str, str]:
    """All of /dev: kind, mode, owner, device number or target."""
    found = {}
    for folder, _, _ in os.walk("/dev"):
        for entry in os.scandir(folder):
            if folder != "/dev/shm" and folder != "/dev/mqueue" and not entry.path.startswith("/dev/pts/"):
                found[entry.path] = _described(entry.path)
    return found


def _described(path: str) -> str:
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        return f"-> {os.readlink(path)}"
    number = f" {os.major(info.st_rdev)}:{os.minor(info.st_rdev)}" if info.st_rdev else ""
    return f"{stat.filemode(info.st_mode)} {info.st_uid}:{info.st_gid}{number}"


# Character devices that are dangerous, or that a container gets; no watchdog, which starts when it is opened.
CHARACTER = [(1, n) for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12)] + [
    (2, 0), (4, 0), (4, 64), (5, 0), (5, 1), (5, 2), (5, 3), (9, 0), (10, 1), (10, 144), (10, 183), (10, 200),
    (10, 227), (10, 228), (10, 229), (10, 231), (10, 232), (10, 234), (10, 235), (10, 236), (10, 237), (10, 238),
    (10, 257), (10, 258), (10, 259), (13, 63), (21, 0), (29, 0), (90, 0), (108, 0), (116, 0), (136, 0), (180, 0),
    (189, 0), (195, 0), (202, 0), (203, 0), (226, 0), (242, 0), (250, 0), (254, 0),
]  # fmt: skip


def device_access() -> dict[str, Outcome]:
    """Whether device nodes can be made, and what opening them to read and to write says."""
    lines = Path("/proc/partitions").read_text().splitlines()[2:]
    block = [tuple(map(int, line.split()[:2])) for line in lines]
    nodes = {
        f"{kind} {major}:{minor}": (f"/dev/probe-{kind}-{major}-{minor}", mode | 0o666, os.makedev(major, minor))
        for kind, mode, numbers in (("b", stat.S_IFBLK, [*block, (7, 0), (8, 0)]), ("c", stat.S_IFCHR, CHARACTER))
        for major, minor in numbers
    }
    made = outcomes({f"make {label}": lambda n=node: os.mknod(*n) for label, node in nodes.items()})
    opening = {}
    for label, (path, _, _) in nodes.items():
        opening |= {f"{how} {label}": lambda p=path, f=flags: _open_device(p, f) for how, flags in HOW.items()}
    found = made | outcomes(opening)
    for path, _, _ in nodes.values():
        Path(path).unlink(missing_ok=True)
    return found


HOW = {"read": os.O_RDONLY, "write": os.O_WRONLY}


def _open_device(path: str, flags: int) -> None:
    os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY))


def system_files() -> dict[str, str]:
    """What of /proc (but for processes) and /sys opens for reading (r) and writing (w), and its kind."""
    found: dict[str, str] = {}
    for top in ("/proc", "/sys"):
        for folder, folders, files in os.walk(top):
            if folder == "/proc":
                folders[:] = [f for f in folders if not f.isdigit() and f != "tty"]
            for name in files:
                path = f"{folder}/{name}"
                if not os.path.islink(path):
                    found[path] = _opens(path)
            for name in folders:
                path = f"{folder}/{name}"
                if not os.path.islink(path):
                    found[path] = "d" + ("w" if os.access(path, os.W_OK) else "-")
    return found


def _opens(path: str) -> str:
    kind = "c" if stat.S_ISCHR(os.lstat(path).st_mode) else "f"
    for letter, flags in (("r", os.O_RDONLY), ("w", os.O_WRONLY)):
        try:
            os.close(os.open(path, flags | os.O_NONBLOCK))
            kind += letter
        except OSError:
            kind += "-"
    return kind


def mounts() -> dict[str, str]:
    """The mount table: file system, options, propagation; of the file system's own options those that are walls."""
    found: dict[str, str] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        rest = fields[fields.index("-") + 1 :]
        own = [o for o in rest[2].split(",") if o.split("=")[0] in ("ro", "rw", "size", "mode", "gid", "ptmxmode")]
        optional = [f.split(":")[0] for f in fields[6 : fields.index("-")]]
        root = fields[3] if rest[0].startswith("cgroup") else ""  # what part of the tree is to be seen
        found[fields[4]] = f"{rest[0]} {fields[5]} | {','.join(own)} {' '.join(optional)} {root}".strip()
    return found


def writable_places() -> dict[str, Outcome]:
    """Whether a file can be made in the folders that every system has."""
    places = ("/", "/etc", "/tmp", "/var/tmp", "/run", "/dev", "/dev/shm", "/dev/mqueue", "/proc", "/sys", "/root",
              "/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/proc/sys/kernel", "/usr")  # fmt: skip
    folders = ("/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/dev")
    return outcomes(
        {p: lambda p=p: _made_in(p) for p in places} | {f"mkdir {p}": lambda p=p: _folder_in(p) for p in folders}
    )


def _made_in(folder: str) -> None:
    path = f"{folder}/probe"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    os.unlink(path)


def _folder_in(folder: str) -> None:
    os.mkdir(f"{folder}/probe")
    os.rmdir(f"{folder}/probe")


def kernel_settings() -> dict[str, str]:
    """Settings of the container's own namespaces, and what protects links."""
    names = ("fs/protected_symlinks", "fs/protected_hardlinks", "net/ipv4/ping_group_range", "kernel/domainname",
             "net/ipv4/ip_unprivileged_port_start", "net/ipv4/ip_forward", "net/ipv6/conf/all/disable_ipv6",
             "kernel/shmmax", "kernel/msgmax", "fs/mqueue/msg_max", "kernel/yama/ptrace_scope")  # fmt: skip
    found = {}
    for name in names:
        try:
            found[name] = " ".join(Path(f"/proc/sys/{name}").read_text().split())
        except OSError as e:
            found[name] = errno.errorcode[e.errno or 0]
    return found


SECTIONS: dict[str, Callable[[], dict[str, str]]] = {
    "status": status,
    "limits": limits,
    "namespaces": namespaces,
    "mounts": mounts,
    "device nodes": device_nodes,
    "device access": device_access,
    "kernel settings": kernel_settings,
    "writable places": writable_places,
    "system files": system_files,
    "sockets": sockets,
    "calls": meaningful_calls,
    "numbered calls": numbered_calls,
    "32-bit calls": calls_of_32_bits,
}


def main() -> None:
    wanted = sys.argv[1:] or list(SECTIONS)
    json.dump({name: SECTIONS[name]() for name in wanted}, sys.stdout)


if __name__ == "__main__":
    main()
