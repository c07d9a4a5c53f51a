#!/usr/bin/env bash
# The examples of the book's chapter, run for real in a daemon of their own; each command is printed with its output.
# Nothing is left behind. DEMO_PORT (8080) is the host's port for the web server.
set -euo pipefail
cd "$(dirname "$0")/.."

port=${DEMO_PORT:-8080}
home=$(mktemp -d /var/tmp/pogu-demo.XXXXXX)
export POGU_HOST=unix://$home/run/pogu.sock
pogu=$PWD/.venv/bin/pogu

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
quote() { # an argument as one would type it
  if [[ $1 =~ [^a-zA-Z0-9_.:/=,@%+-] ]]; then printf "'%s'" "$1"; else printf '%s' "$1"; fi
}
run() { # print a command as one would type it, then run it
  local typed='#' argument
  for argument in "$@"; do typed+=" $(quote "${argument/#$pogu/pogu}")"; done
  printf '\033[36m%s\033[0m\n' "$typed"
  "$@"
}
end() {
  code=$?
  [ $code = 0 ] || { echo "demo: failed ($code); the daemon's log:" >&2; tail -n 40 "$home/daemon.log" >&2 || true; }
  "$pogu" down --containers --run "$home/run" >/dev/null 2>&1 || true
  rm -rf "$home"
  exit $code
}
trap end EXIT

say "The daemon starts, in its own directories"
"$pogu" up --root "$home/root" --run "$home/run" --bridge pogudemo0 --cgroup-parent /pogu-demo --detach \
  >"$home/daemon.out" 2>"$home/daemon.log" || { cat "$home/daemon.out"; exit 1; }
cat "$home/daemon.out"
run "$pogu" version --format 'client {{.Client.Version}}, server {{.Server.Version}}, API {{.Server.APIVersion}}'

say "Base images from Debian packages (no registry is needed)"
run "$pogu" image bootstrap busybox
run "$pogu" image bootstrap debian:bookworm
run "$pogu" images

say "A first container"
run "$pogu" run debian /bin/echo "Hello World"
run "$pogu" run --rm --hostname debian debian bash -c 'hostname; uname -r; echo "I am PID $$"; ls /'

say "nginx, installed with apt in a container and committed as an image"
run "$pogu" run --name build debian sh -c 'apt-get -q update && apt-get -q -y install --no-install-recommends nginx-light \
  && ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log' >"$home/apt.log" 2>&1 ||
  { cat "$home/apt.log"; exit 1; }
tail -n 3 "$home/apt.log"
run "$pogu" commit --change 'CMD ["nginx", "-g", "daemon off;"]' --change 'EXPOSE 80' build nginx
run "$pogu" rm build

say "nginx in the background"
run "$pogu" run --hostname nginx --name nginx -p "$port:80" -d nginx
run "$pogu" ps
for _ in $(seq 50); do curl -fs -o /dev/null "http://127.0.0.1:$port/" && break; sleep 0.1; done
run curl -s "http://localhost:$port/" | sed -n 1,5p
run "$pogu" logs nginx
run "$pogu" exec nginx nginx -v
run "$pogu" inspect -f '{{ json .NetworkSettings.Networks.bridge.IPAddress }}' nginx

say "Stopped, started, removed"
run "$pogu" stop nginx
run "$pogu" ps
run "$pogu" start nginx
run "$pogu" ps
run "$pogu" stop nginx
run "$pogu" rm nginx

say "A volume outlives its container"
run "$pogu" run --rm -v harbour:/data busybox sh -c 'echo "kept" > /data/note'
run "$pogu" run --rm -v harbour:/data busybox cat /data/note
run "$pogu" volume ls

say "Clean"
run "$pogu" system prune -f --volumes
echo
echo "demo: everything above ran for real; nothing is left behind."
