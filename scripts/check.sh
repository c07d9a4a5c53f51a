#!/usr/bin/env bash
# Lint, format, types and the order of the floors. Takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/ruff check --quiet .
.venv/bin/ruff format --check --quiet .
.venv/bin/mypy --no-error-summary
.venv/bin/lint-imports --no-cache 2>/dev/null | tail -n 3
