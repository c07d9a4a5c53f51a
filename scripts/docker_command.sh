#!/usr/bin/env bash
# Print the path of a docker command for the tests: DOCKER_COMMAND if it is set, the newest on PATH, or else Debian's,
# unpacked into build/.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -z "${DOCKER_COMMAND:-}" ] || { echo "$DOCKER_COMMAND"; exit; }
newest=$(for d in ${PATH//:/ }; do
  if [ -x "$d/docker" ]; then
    printf '%s %s\n' "$("$d/docker" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)" "$d/docker"
  fi
done | sort -V | tail -n 1 | cut -d ' ' -f 2)
if [ -z "$newest" ]; then
  scripts/fetch_package.sh build/peers docker.io
  newest=$PWD/build/peers/usr/bin/docker
fi
echo "$newest"
