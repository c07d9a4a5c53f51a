"""Run a command under a pseudo-terminal (24 rows, 80 columns) and print what it shows. usage: terminal.py COMMAND…"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios


def main(argv: list[str]) -> int:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # EIO: the command has ended
            break
        if not data:
            break
        sys.stdout.buffer.write(data.replace(b"\r", b""))
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
