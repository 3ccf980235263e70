#!/usr/bin/env bash
# kaya-sim coverage and `sometimes` as a user meets them: tables for people, cells for programs, exit code 4 for what never came.
set -u

sim=${KAYA_BIN:?the directory that holds kaya-sim}/kaya-sim
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
says() { grep -qF -- "$2" "$1" || fail "'$2' is not in $1: $(head -c 600 "$1")"; }

expect 0 "$sim" coverage --help
says out 'Exit codes'
says out 'sometimes:'
expect 2 "$sim" coverage no-such-story
expect 0 "$sim" --help
says out '  coverage '

# Piped: no colour, no bar; every family, row and event has its place.
expect 0 "$sim" coverage power-loss crash-in-recovery --seeds 40 --jobs 2
[ ! -s err ] || fail "standard error should be empty: $(cat err)"
if grep -q $'\033' out; then fail "a colour in a pipe"; fi
says out 'torn_sector '
says out '(none)'
says out 'u closed'
says out 'Never reached here: faults'
says out '80 runs'

# The same cells however many processes found them.
expect 0 "$sim" coverage power-loss --seeds 40 --jobs 1 --json
mv out one
expect 0 "$sim" coverage power-loss --seeds 40 --jobs 3 --json
cmp -s one out || fail "coverage hangs on the number of processes"
grep -qE '"fault": ?"torn_sector", ?"verdict": ?"torn", ?"event": ?"torn_tail"' out || fail "a cell is missing: $(head -c 300 out)"

# What is declared and never comes is told, by both commands; a note only as long as there is time.
cat >never.yaml <<'END'
story: |
  Nothing but strict records and crashes: no log is ever damaged.
name: never
seeds: 20
expect_struck_within: 20
sometimes: [found_torn, found_damaged]
faults: [torn_sector]
crash: {within_calls: {from: 0, to: 5}, endings: {power_loss: 1}}
workload: {append_strict: 1, append_relaxed: 3}
END
expect 4 "$sim" run ./never.yaml
says out 'sometimes, but not within 20 runs: found_damaged'
if grep -q 'runs:.*found_torn' out; then fail "found_torn was hit"; fi
expect 4 "$sim" coverage ./never.yaml
says out 'of 2 marks that their scenarios declare, 1 were hit'
expect 0 "$sim" run ./never.yaml --seeds 10
says out 'a note only'
expect 4 "$sim" run ./never.yaml --json
says out '"never":["found_damaged"]'

[ "$failures" -eq 0 ] || exit 1
