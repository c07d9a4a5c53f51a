#!/usr/bin/env bash
# What runs inside the virtual machine. The last line tells the exit code to the outside.
cd "$(dirname "$0")/../.." || exit 1
what=$(sed -n 's/.*pogu\.tests=\([a-z]*\).*/\1/p' /proc/cmdline)
echo "vm: $(uname -r), $(stat -fc %T /sys/fs/cgroup), $(systemctl --version | head -n 1)"
ip link set lo up
case $what in
  smoke) .venv/bin/pytest -p no:cacheprovider -p no:xdist -m vm_smoke --timeout 600 tests/clients/test_vm_smoke.py ;;
  *) .venv/bin/pytest -p no:cacheprovider -n 2 --timeout 900 -m 'not slow' tests/linux tests/engine ;;
esac
echo "vm: exit $?"
