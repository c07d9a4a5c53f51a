#!/bin/sh
# Puts files into the places that README.md names: install.sh man|completion|systemd|sysv …
# DESTDIR stands before every path, for whoever builds a package. PYTHON is an interpreter that has Pogu.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${DESTDIR:=}" "${PYTHON:=python3}"

file() { # SOURCE PLACE [MODE]
  install -D -m "${3:-644}" "$1" "$DESTDIR$2"
}

man() {
  pages=$(mktemp -d)
  "$PYTHON" -m pogu.cli.manual "$pages"
  for page in "$pages"/*.1; do file "$page" "/usr/share/man/man1/${page##*/}"; done
  rm -r "$pages"
}

completion() {
  script=$(mktemp)
  for pair in bash:bash-completion/completions/pogu zsh:zsh/vendor-completions/_pogu \
    fish:fish/vendor_completions.d/pogu.fish; do
    "$PYTHON" -m pogu.cli.main completion "${pair%%:*}" > "$script"
    file "$script" "/usr/share/${pair#*:}"
  done
  rm "$script"
}

defaults() { # what an administrator has changed stays, except in a package
  if [ -n "$DESTDIR" ] || [ ! -e /etc/default/pogu ]; then file "$here/default/pogu" /etc/default/pogu; fi
}

systemd() {
  for unit in pogu.service pogu.socket; do file "$here/systemd/$unit" "/usr/lib/systemd/system/$unit"; done
  file "$here/systemd/sysusers.conf" /usr/lib/sysusers.d/pogu.conf
  defaults
}

sysv() {
  file "$here/sysv/pogu" /etc/init.d/pogu 755
  defaults
}

[ $# -gt 0 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
for what in "$@"; do
  case $what in
    man | completion | systemd | sysv) "$what" ;;
    *) echo "install.sh: there is no $what; there are man, completion, systemd and sysv" >&2; exit 2 ;;
  esac
done
