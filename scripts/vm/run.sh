#!/usr/bin/env bash
# Boot the virtual machine with this checkout in it and run tests there: `all` (the engine's core tests), `smoke`, or
# `only` with arguments for pytest. usage: scripts/vm/run.sh [all | smoke | only ARGUMENT…]
# Their output is shown as it comes. The exit code is that of the tests; the console's log is build/vm/console.log.
set -euo pipefail
cd "$(dirname "$0")/../.."
what=${1:-all}
arguments=$(printf '%s\n' "${@:2}" | base64 -w 0)
scripts/vm/build.sh
vm=$PWD/build/vm
work=$(mktemp -d)
: >"$work/tests.log"
tail -q -f "$work/tests.log" | sed -u 's/\r$//' & # the guest's output, as it comes
shown=$!
trap 'kill $(pgrep -P $$ tail) 2>/dev/null || true; rm -rf "$work"' EXIT
git ls-files -z -co --exclude-standard |
  tar -c --null --ignore-failed-read --warning=no-failed-read -T - -f "$work/checkout.tar"
timeout --foreground "${VM_TIMEOUT:-3600}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nographic -no-reboot \
  -nic none -kernel "$vm/vmlinuz" -initrd "$vm/initrd.gz" \
  -append "console=ttyS0 quiet rw pogu.tests=$what pogu.arguments=$arguments" \
  -drive "file=$vm/disk.img,format=raw,if=virtio,snapshot=on" \
  -drive "file=$work/checkout.tar,format=raw,if=virtio,readonly=on" \
  -serial "file:$vm/console.log" -serial "file:$work/tests.log" -monitor none </dev/null ||
  echo "vm: ended by force (exit $?); see $vm/console.log" >&2
kill "$(pgrep -P $$ tail)" && wait "$shown" || true
grep -q '^vm: exit 0' "$work/tests.log"
