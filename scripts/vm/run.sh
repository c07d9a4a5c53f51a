#!/usr/bin/env bash
# Boot the virtual machine with this checkout in it and run the engine's core tests (or only `smoke`) there.
# usage: scripts/vm/run.sh [all|smoke]   The exit code is that of the tests; the console's log is build/vm/console.log.
set -euo pipefail
cd "$(dirname "$0")/../.."
what=${1:-all}
scripts/vm/build.sh
vm=$PWD/build/vm
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
git ls-files -z -co --exclude-standard | tar -c --null --ignore-failed-read -T - -f "$work/checkout.tar"
timeout "${VM_TIMEOUT:-3000}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nographic -no-reboot -nic none \
  -kernel "$vm/vmlinuz" -initrd "$vm/initrd.gz" -append "console=ttyS0 quiet rw pogu.tests=$what" \
  -drive "file=$vm/disk.img,format=raw,if=virtio,snapshot=on" \
  -drive "file=$work/checkout.tar,format=raw,if=virtio,readonly=on" \
  -serial "file:$work/console.log" -serial "file:$work/tests.log" -monitor none </dev/null
tr -d '\r' <"$work/tests.log"
cp "$work/console.log" "$vm/console.log"
grep -q '^vm: exit 0' "$work/tests.log"
