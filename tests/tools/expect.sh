# What scripts that use a program as its users do have in common; sourced. Makes a scratch directory, goes there, and counts in `failures`.
# shellcheck shell=bash
work=$(mktemp -d "${TMPDIR:-/tmp}/kaya-test-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect CODE COMMAND...: it reads the file `in`, which is empty again afterwards, and ends so; its output is in `out` and `err`.
: >in
expect() {
    local want=$1 code
    shift
    "$@" <in >out 2>err
    code=$?
    [ "$code" -eq "$want" ] || fail "$* ended with $code, not $want: $(head -c 600 out err)"
    : >in
}

# says FILE REGEX, says_text FILE TEXT: it is in there.
says() { grep -qE -- "$2" "$1" || fail "'$2' is not in $1: $(head -c 1500 "$1")"; }
says_text() { grep -qF -- "$2" "$1" || fail "'$2' is not in $1: $(head -c 1500 "$1")"; }
