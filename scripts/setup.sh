#!/usr/bin/env bash
# Install what Pogu needs on a Debian system, and its Python environment in .venv. Safe to run again: it does
# nothing where everything is there. usage: scripts/setup.sh [LIST…]   (lists of scripts/packages, without .txt)
set -euo pipefail
cd "$(dirname "$0")/.."

wanted() { # the package names of the lists given
  for list in "$@"; do grep -hv '^#' "scripts/packages/$list.txt"; done | sort -u
}

missing() { # those of the names given that are not installed
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

install_packages() {
  command -v apt-get >/dev/null || { echo "setup: no apt-get here; install by hand: $*" >&2; return; }
  # shellcheck disable=SC2046,SC2068
  set -- $(missing $@)
  [ $# -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || { echo "setup: run as root, or install by hand: $*" >&2; exit 1; }
  echo "setup: installing $*"
  local log; log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; } >"$log" 2>&1 ||
    { cat "$log" >&2; rm -f "$log"; exit 1; }
  rm -f "$log"
}

find_python() { # a Python of at least 3.11
  for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"; return
    fi
  done
  echo "setup: Python 3.11 or newer is needed, with its venv module" >&2; exit 1
}

make_environment() { # .venv with exactly the locked versions; pip reads the machine's own index settings
  local stamp=.venv/installed.sum sum
  sum=$(sha256sum uv.lock pyproject.toml scripts/setup.sh | sha256sum)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ] && .venv/bin/python -c 'import pogu' 2>/dev/null && return
  echo "setup: making the Python environment in .venv"
  [ -x .venv/bin/python ] || "$(find_python)" -m venv .venv
  local log requirements; log=$(mktemp); requirements=$(mktemp)
  { .venv/bin/python -m pip install -q 'uv>=0.5,<1' &&
    .venv/bin/uv export -q --frozen --all-groups --no-emit-project -o "$requirements" &&
    .venv/bin/python -m pip install -q --require-hashes -r "$requirements" &&
    .venv/bin/python -m pip install -q --no-deps -e .; } >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  rm -f "$log" "$requirements"
  echo "$sum" >"$stamp"
}

# shellcheck disable=SC2046
install_packages $(wanted runtime "$@")
make_environment
