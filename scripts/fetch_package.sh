#!/usr/bin/env bash
# Unpack Debian packages into a folder without installing them: no service is started, nothing of the system changes.
# usage: scripts/fetch_package.sh FOLDER PACKAGE…
set -euo pipefail
folder=$1; shift
mkdir -p "$folder"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
for package in "$@"; do
  stamp="$folder/.unpacked-$package"
  [ -e "$stamp" ] && continue
  (cd "$work" && apt-get download -q "$package" >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null && apt-get download -q "$package" >/dev/null; })
  dpkg-deb -x "$work/$package"_*.deb "$folder"
  touch "$stamp"
done
