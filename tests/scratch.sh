# A scratch directory that is gone afterwards, and a count of failures: what most scripts begin with. Sourced, also by /bin/sh; goes nowhere.
# shellcheck shell=sh
work=$(mktemp -d "${TMPDIR:-/tmp}/kaya-test-XXXXXX")
trap 'rm -rf "$work"' EXIT
work=$(cd "$work" && pwd -P)
failures=0

# fail WORD...: say so and go on; the script ends with `[ "$failures" -eq 0 ]`.
fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# stop WORD...: where nothing that follows could mean anything.
stop() {
    echo "FAILED: $*" >&2
    exit 1
}
