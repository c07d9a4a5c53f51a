"""Copying a tree as it is: owners, modes, times to the nanosecond, hard links, attributes, devices, holes."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from pogu.linux.paths import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, attribute_path, open_in_root, opened
from pogu.linux.trees import Found, walk

_FICLONE = 0x40049409  # ioctl_ficlone(2): share the blocks where the file system can
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
_INSIDE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS


class TreeCopier:
    """Copies one directory's content; hard links within it stay. Blocks, so it is for threads.

    The target must be nobody else's while it is filled; the source may change meanwhile.
    """

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._seen: dict[tuple[int, int], str] = {}

    def copy(self) -> None:
        """Copy everything in the directory `source` into the empty directory `target`, and its own metadata.

        Raises:
            OSError: as the calls below it; what was copied stays.
        """
        made: list[tuple[str, os.stat_result]] = []
        here, parent = os.dup(self._target), ""
        try:
            for found in walk(self._source):
                head = found.path.rpartition("/")[0]
                if head != parent:
                    os.close(here)
                    here, parent = open_in_root(self._target, head, _STEP, resolve=_INSIDE), head
                if found.is_dir:
                    os.mkdir(found.name, 0o700, dir_fd=here)
                    made.append((found.path, found.status))
                    self._attributes(found, here)
                elif not self._linked(found, here):
                    self._leaf(found.parent, here, found.name, found.status)
        finally:
            os.close(here)
        for path, status in reversed(made):  # times last: filling a directory changes its own
            with opened(open_in_root(self._target, path, _STEP, resolve=_INSIDE)) as fd:
                _own(status, attribute_path(fd))
        copy_xattrs(attribute_path(self._source), attribute_path(self._target))
        _own(os.fstat(self._source), attribute_path(self._target))

    def _attributes(self, found: Found, target: int) -> None:
        copy_xattrs(attribute_path(found.parent, found.name), attribute_path(target, found.name))

    def _linked(self, found: Found, target: int) -> bool:
        """Link to the copy that was made under another name, if there is one."""
        status = found.status
        if status.st_nlink < 2 or stat.S_ISSOCK(status.st_mode):
            return False
        first = self._seen.setdefault((status.st_dev, status.st_ino), found.path)
        if first == found.path:
            return False
        os.link(first, found.name, src_dir_fd=self._target, dst_dir_fd=target, follow_symlinks=False)
        return True

    def _leaf(self, source: int, target: int, name: str, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode):
            with opened(os.open(name, _READ, dir_fd=source)) as old:
                status = os.fstat(old)
                with opened(os.open(name, _WRITE, 0o600, dir_fd=target)) as new:
                    copy_content(old, new, status.st_size)
                    _metadata(status, attribute_path(old), attribute_path(new))
            return
        if stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        elif stat.S_ISSOCK(status.st_mode):
            return
        else:
            os.mknod(name, status.st_mode, status.st_rdev, dir_fd=target)
        _metadata(status, attribute_path(source, name), attribute_path(target, name))


def copy_content(old: int, new: int, size: int) -> None:
    """Copy what a file holds, `size` bytes, to an empty one; holes stay holes, blocks are shared where they can be."""
    try:
        fcntl.ioctl(new, _FICLONE, old)
        return
    except OSError:
        pass  # another file system, or one that cannot share blocks
    at = 0
    while at < size:
        try:
            start = os.lseek(old, at, os.SEEK_DATA)
            end = os.lseek(old, start, os.SEEK_HOLE)
        except OSError as e:
            if e.errno == errno.ENXIO:  # only a hole is left
                break
            raise
        _copy_range(old, new, start, end)
        at = end
    os.ftruncate(new, size)


def _copy_range(old: int, new: int, start: int, end: int) -> None:
    while start < end:
        try:
            step = os.copy_file_range(old, new, min(end - start, _CHUNK), start, start)
        except OSError as e:
            if e.errno not in (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            step = os.pwrite(new, os.pread(old, min(end - start, _CHUNK), start), start)
        if step == 0:  # it was shortened meanwhile
            return
        start += step


def _metadata(status: os.stat_result, old: str, new: str) -> None:
    """Give `new` the owner, mode, attributes and times of `old`; both are paths through descriptors of ours."""
    os.chown(new, status.st_uid, status.st_gid, follow_symlinks=_is_descriptor(new))  # clears capabilities
    copy_xattrs(old, new)
    _own(status, new)


def _own(status: os.stat_result, new: str) -> None:
    follow = _is_descriptor(new)
    if stat.S_ISDIR(status.st_mode):
        os.chown(new, status.st_uid, status.st_gid, follow_symlinks=follow)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(new, stat.S_IMODE(status.st_mode))  # noqa: PTH101 # a path of ours, not a Path
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=follow)


def copy_xattrs(old: str, new: str) -> None:
    """Copy the extended attributes, as far as the target's file system takes them. Both are `attribute_path`s."""
    for name in os.listxattr(old, follow_symlinks=_is_descriptor(old)):
        try:
            value = os.getxattr(old, name, follow_symlinks=_is_descriptor(old))
            os.setxattr(new, name, value, follow_symlinks=_is_descriptor(new))
        except OSError as e:
            if e.errno not in (errno.ENOTSUP, errno.EPERM, errno.ENODATA):
                raise


def _is_descriptor(path: str) -> bool:
    """`/proc/self/fd/N` is to be followed to the file it stands for, `/proc/self/fd/N/name` not."""
    return path.count("/") == 4
