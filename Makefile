# make setup    system packages and the Python environment (all the others start with it)
# make demo     the book chapter's examples, run for real
# make check    lint, types and the order of the floors
# make test     check, then all tests
# make bench    Pogu beside Docker and podman, in turn in one run
# make soak     the long forms of the endurance and fault proofs; evidence goes to docs/evidence/
# make test-vm  the engine's core tests in a virtual machine with systemd and cgroup v2

# make install-man, install-completion, install-systemd, install-sysv   files into their places, below DESTDIR if set

.PHONY: setup demo check test bench soak test-vm install-man install-completion install-systemd install-sysv
WORKERS ?= 4

setup:
	@scripts/setup.sh test

demo: setup
	@scripts/demo.sh

check: setup
	@scripts/check.sh

test: check
	@echo "docker command: $$(scripts/docker_command.sh)"
	@.venv/bin/pytest -n $(WORKERS) --dist loadgroup tests

bench: setup
	@.venv/bin/python -m bench

soak: setup
	@.venv/bin/pytest -n 2 --dist loadgroup --soak tests

install-man install-completion install-systemd install-sysv: setup
	@DESTDIR="$(DESTDIR)" PYTHON=.venv/bin/python packaging/install.sh $(@:install-%=%)

test-vm:
	@scripts/setup.sh test vm
	@scripts/vm/run.sh
