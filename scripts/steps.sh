# Sourced by the other scripts: where the project is, the project-local tools on PATH, and steps that show their time.
# It changes nothing by itself.
set -euo pipefail
PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$PROJECT"
DEPS="$PROJECT/.deps"
export PATH="$DEPS/venv/bin:$DEPS/node/bin:$PATH"
YES=${YES:-}
if [ "${CI:-}" = true ]; then YES=1; fi

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

# step NAME COMMAND...: prints the name, runs the command, prints how long it took. A failure ends the script.
# The command may be a function: it runs in a subshell of its own with `set -e` in force (so never call step after `if`).
step() {
    local name=$1 start=$SECONDS code
    shift
    printf '%s==> %s%s\n' "$bold" "$name" "$plain"
    set +e
    (set -e; "$@")
    code=$?
    set -e
    if [ "$code" = 0 ]; then
        printf '    %s: done in %d s\n' "$name" $((SECONDS - start))
    else
        printf '    %s: FAILED after %d s (exit status %d)\n' "$name" $((SECONDS - start)) "$code" >&2
        exit "$code"
    fi
}

# confirm QUESTION: true with YES=1 or after an answer that begins with y; false without a terminal.
confirm() {
    if [ "$YES" = 1 ]; then return 0; fi
    if [ ! -t 0 ]; then
        echo "$1 There is no terminal to ask on: run it again with YES=1 to agree." >&2
        return 1
    fi
    local answer
    read -r -p "$1 [y/N] " answer
    [[ $answer == [yY]* ]]
}

# digest PATH...: one SHA-256 over the names and contents of the files below the paths (missing paths are left out).
digest() {
    local path
    for path in "$@"; do
        if [ -e "$path" ]; then find "$path" -type f -not -path '*/node_modules/*' -print0; fi
    done | sort -z | xargs -0 --no-run-if-empty sha256sum | sha256sum | cut -d' ' -f1
}

# stamped NAME DIGEST: true if NAME was last finished with this digest. `stamp NAME DIGEST` records it.
stamped() { [ -f "$DEPS/stamps/$1" ] && [ "$(cat "$DEPS/stamps/$1")" = "$2" ]; }
stamp() { mkdir -p "$DEPS/stamps" && printf '%s\n' "$2" >"$DEPS/stamps/$1"; }
