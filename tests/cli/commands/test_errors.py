"""What is wrong is said in the words of docker's command, with its exit code; docker's command is asked to compare."""

from __future__ import annotations

import pytest

from tests.cli.commands.test_listing import Both

LINES = """
start nobody
attach nobody
wait nobody
rename nobody x1
restart nobody
pause nobody
commit nobody
export nobody
update -m 1g nobody
kill nobody
top nobody
stats --no-stream nobody
port nobody
history nobody
tag nobody x
tag busybox x:y:z
save nobody
load -i /nowhere
network create bridge
network connect bridge nobody
network connect nobody nobody
volume create bad/name
rm
exec one
inspect
volume inspect
image rm
ps extra
events --since bad
ps --filter bad
ps --filter bad=1
images --filter bad=1
ps --format {{.ID
stop -t x nobody
run
run --rm --restart always busybox
run -e =x busybox
run --memory 1x busybox
run --memory 1k busybox
run --health-interval x busybox
run -p 99999:80 busybox
run --ulimit bad busybox
run -a bad busybox
run --network nobody busybox
run -v relative:bad:mode busybox
run --restart bad busybox
run --cap-add NOPE busybox
run -w rel busybox true
run --cpus 100000 busybox
run --expose 1:2 busybox
run --pull bad busybox
run --volumes-from nobody busybox
run --mount type=bind,source=/nope,target=/x busybox
run --nope busybox
run -Z busybox
exec nobody true
cp nobody:/x /tmp/x
""".strip().splitlines()


@pytest.mark.parametrize("line", LINES)
def test_the_same_words(both: Both, line: str) -> None:
    both(*line.split())


def test_a_name_that_is_empty(both: Both) -> None:
    for line in ("inspect", "container inspect", "image inspect", "network inspect", "volume inspect", "wait", "rmi"):
        both(*line.split(), "")
