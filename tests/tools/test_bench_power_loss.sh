#!/usr/bin/env bash
# bench-power-loss as a user meets it: figures for people and for programs, exit codes by class. No figure is judged here: only quiet
# machines say anything about speed.
set -u

bin=${KAYA_BIN:?the directory that holds kaya-sim}
bench=$bin/bench-power-loss
[ -x "$bench" ] || exit 0 # the reference wants ISA-L
work=$(mktemp -d "${TMPDIR:-/tmp}/kaya-test-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}
expect() {
    local want=$1 code
    shift
    "$@" >out 2>err </dev/null
    code=$?
    [ "$code" -eq "$want" ] || fail "$* ended with $code, not $want: $(head -c 600 out err)"
}
says() { grep -qE -- "$2" "$1" || fail "'$2' is not in $1: $(head -c 600 "$1")"; }

expect 0 "$bench" --help
says out 'at-least'
expect 0 "$bench" --pairs 2 --seeds 1 "$bin/kaya-sim"
[ ! -s err ] || fail "standard error should be empty: $(cat err)"
says out '2 pairs'
says out 'ratio +0\.[0-9]+ +0\.[0-9]+ +0\.[0-9]+'
expect 0 "$bench" --pairs 1 --seeds 1 --json "$bin/kaya-sim"
says out '^\{"scenario":"power-loss","pairs":1,.*"ratio":\{"median":0\.[0-9]+,'
expect 1 "$bench" --pairs 1 --seeds 1 --at-least 1000 "$bin/kaya-sim"
expect 0 "$bench" --pairs 1 --seeds 1 --at-least 0.000001 "$bin/kaya-sim"

# What cannot be measured, and what cannot be meant.
expect 2 "$bench" --pairs 1 "$work/nothing"
expect 2 "$bench" --pairs 1 /bin/false
expect 64 "$bench" --pairs none "$bin/kaya-sim"
expect 64 "$bench" --at-least 0 "$bin/kaya-sim"
expect 64 "$bench"

[ "$failures" -eq 0 ]
