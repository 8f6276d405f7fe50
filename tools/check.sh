#!/usr/bin/env bash
# Every check that needs no test run. Uses the tools of .venv where there is one.
set -uo pipefail
cd "$(dirname "$0")/.."
[ -d .venv/bin ] && PATH="$PWD/.venv/bin:$PATH"

failed=0
check() {
    local name=$1
    shift
    local output
    if output=$("$@" 2>&1); then
        echo "ok      $name"
    else
        echo "FAILED  $name: $*"
        echo "$output"
        failed=1
    fi
}

check_guest() { # the SDK that contracts import is another program: its own root, no dependencies
    cd genvm_replay/guest && python -m mypy --config-file= --cache-dir=/dev/null --no-site-packages --strict --explicit-package-bases --python-version 3.13 .
}

check "lint"        ruff check .
check "format"      ruff format --check .
check "types"       python -m mypy
check "guest types" check_guest
check "imports"     lint-imports --no-cache
check "cli docs"    python tools/generate_cli_docs.py --check
exit $failed
