#!/usr/bin/env bash
# What runs inside the virtual machine. The last line tells the exit code to the outside.
cd "$(dirname "$0")/../.." || exit 1
what=$(sed -n 's/.*pogu\.tests=\([a-z]*\).*/\1/p' /proc/cmdline)
echo "vm: $(uname -r), $(stat -fc %T /sys/fs/cgroup), $(systemctl --version | head -n 1), up $(cut -d. -f1 /proc/uptime) s"
ip link set lo up
[ -s /etc/hosts ] || printf '127.0.0.1 localhost\n127.0.1.1 pogu-vm\n' >/etc/hosts # a minimal Debian has none
# what the kernel decides: pure computations give the same answers everywhere, only twenty times later
core=(tests/linux tests/engine/{containers,logs,networks,runtime,storage,volumes})
pytest=(env PYTHONPATH=scripts/vm .venv/bin/pytest -p told_at_once -p no:cacheprovider --color no --tb short
  --show-capture no -rN)
case $what in
  smoke) # the plugins that it needs and no others, which take ten seconds to import here
    export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
    "${pytest[@]}" -p pytest_asyncio.plugin -p pytest_timeout -vv --no-header --timeout 600 -m vm_smoke tests/vm ;;
  only)
    mapfile -t arguments < <(sed -n 's/.*pogu\.arguments=\([^ ]*\).*/\1/p' /proc/cmdline | base64 -d)
    "${pytest[@]}" --timeout 900 "${arguments[@]}" ;;
  *) # the service's tests alone: they reload and re-execute the systemd that others ask for scopes
    "${pytest[@]}" -n 2 --dist loadgroup --timeout 900 -m 'not slow' "${core[@]}"; first=$?
    "${pytest[@]}" -vv --no-header --timeout 900 -m 'not slow' tests/vm && (exit $first) ;;
esac
echo "vm: exit $?"
