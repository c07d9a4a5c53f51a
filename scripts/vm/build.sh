#!/usr/bin/env bash
# Build the virtual machine of `make test-vm` under build/vm: Debian 12 with systemd and the cloud kernel, and Pogu's
# own set-up run in it (so this is also the proof that a bare Debian is enough). Done once; remove build/vm to redo.
set -euo pipefail
cd "$(dirname "$0")/../.."
vm=$PWD/build/vm
mkdir -p build
exec 9>build/.vm.lock
flock 9 # two runs at once: the second one waits and finds it made
what_counts() { # what the machine is made of; settings of the linters are none of it
  cat scripts/vm/{build.sh,pogu-test.service} scripts/setup.sh scripts/packages/{runtime,test}.txt uv.lock
  sed '/^\[tool\./,$d' pyproject.toml
}
sum=$(what_counts | sha256sum)
[ -f "$vm/built.sum" ] && [ "$(cat "$vm/built.sum")" = "$sum" ] && exit 0
echo "vm: building $vm (takes a few minutes)"
rm -rf "$vm"; mkdir -p "$vm"
root=$vm/root

sources() { # the machine's own apt sources for this suite, or Debian's
  .venv/bin/python -c 'from pogu.engine.images.debian import sources_list; print(sources_list("bookworm"))'
}

make_root() { # a minimal Debian with what systemd and make setup want
  mmdebstrap --quiet --variant=minbase --format=directory \
    --include=systemd,systemd-sysv,dbus,udev,kmod,git,make,python3,ca-certificates \
    --aptopt='/etc/apt/apt.conf' bookworm "$root" - < <(sources) 2>"$vm/mmdebstrap.log" ||
    { cat "$vm/mmdebstrap.log" >&2; exit 1; }
}

inside() { # a command in the new root, with a /proc of its own and the machine's settings for apt and pip
  unshare --mount --propagation private -- bash -ec '
    root=$1; shift
    mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
    exec chroot "$root" "$@"' sh "$root" "$@"
}

lend_settings() { # resolver, pip's settings and the certificates it trusts, as this machine has them
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e "$file" ] || install -D -m 644 "$file" "$root$file"
  done
  [ ! -d /etc/apt/apt.conf.d ] || cp -n /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/"
}

install_pogu() {
  mkdir -p "$root/srv/pogu"
  git ls-files -z | tar -c --null -T - | tar -x -C "$root/srv/pogu"
  inside bash -c 'cd /srv/pogu && PIP_FIND_LINKS= scripts/setup.sh test'
  rm -rf "$root/var/cache/apt/archives" "$root/root/.cache"
}

add_kernel() {
  local package
  apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || apt-get update -q >/dev/null
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  scripts/fetch_package.sh "$vm/kernel" "$package"
  cp "$vm"/kernel/boot/vmlinuz-* "$vm/vmlinuz"
  mkdir -p "$root/lib/modules"
  cp -a "$vm"/kernel/lib/modules/* "$root/lib/modules/"
  inside depmod -a "$(ls "$root/lib/modules")"
}

make_initrd() { # just enough to find the disk
  local tree=$vm/initrd modules
  mkdir -p "$tree"/{bin,dev,proc,sys,new,lib}
  cp /bin/busybox "$tree/bin/busybox"
  modules=$(inside modprobe --show-depends --set-version "$(ls "$root/lib/modules")" -a virtio_pci virtio_blk ext4 |
    sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++')
  { echo '#!/bin/busybox sh'
    echo '/bin/busybox mount -t devtmpfs dev /dev'
    for module in $modules; do
      cp "$root$module" "$tree/lib/"
      echo "/bin/busybox insmod /lib/$(basename "$module")"
    done
    echo 'until [ -b /dev/vda ]; do :; done'
    echo '/bin/busybox mount -t ext4 /dev/vda /new'
    echo 'exec /bin/busybox switch_root /new /sbin/init'; } >"$tree/init"
  chmod +x "$tree/init"
  (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$vm/initrd.gz"
}

add_test_service() { # runs once, on the second serial port, then the machine stops
  install -m 644 scripts/vm/pogu-test.service "$root/etc/systemd/system/pogu-test.service"
  inside systemctl -q enable pogu-test.service
  inside systemctl -q mask getty@.service serial-getty@.service apt-daily.timer systemd-timesyncd.service e2scrub_reap.service
  echo pogu-vm >"$root/etc/hostname"
}

add_docker_command() { # for the tests that ask the daemon as others do
  install -m 755 "$(scripts/docker_command.sh)" "$root/usr/local/bin/docker"
}

make_root
lend_settings
install_pogu
add_docker_command
add_kernel
add_test_service
make_initrd
truncate -s 6G "$vm/disk.img"
mke2fs -q -t ext4 -d "$root" "$vm/disk.img"
rm -rf "$root" "$vm/initrd" "$vm/kernel"
echo "$sum" >"$vm/built.sum"
