#!/bin/sh
# enclose.sh HOME COMMAND...: run a daemon on a copy-on-write view of this machine's files.
#
# In a mount namespace of its own (unshare -m) the root becomes an overlay whose changes go to HOME/outside/upper,
# which only this namespace sees (/proc/PID/root/HOME/outside/upper from without). HOME itself stays real.
set -e
home=$1
shift
mount --make-rprivate /
mkdir -p "$home/outside"
mount -t tmpfs -o size=256m tmpfs "$home/outside"
mkdir "$home/outside/upper" "$home/outside/work" "$home/outside/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$home/outside/upper,workdir=$home/outside/work" "$home/outside/root"
cd "$home/outside/root"
for at in /proc /sys /dev "$home"; do
    mkdir -p ".$at" # where a mount of its own is not part of the view
    mount --rbind "$at" ".$at"
done
pivot_root . .
umount -l .
cd /
ip link set lo up
exec "$@"
