#!/usr/bin/env bash
# kaya-sim coverage and `sometimes` as a user meets them: tables for people, cells for programs, exit code 4 for what never came.
set -u

sim=${KAYA_BIN:?the directory that holds kaya-sim}/kaya-sim
# shellcheck source=tests/tools/expect.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/tools/expect.sh"

expect 0 "$sim" coverage --help
says_text out 'Exit codes'
says_text out 'sometimes:'
expect 2 "$sim" coverage no-such-story
expect 0 "$sim" --help
says_text out '  coverage '

# Piped: no colour, no bar; every family, row and event has its place.
expect 0 "$sim" coverage power-loss crash-in-recovery --seeds 40 --jobs 2
[ ! -s err ] || fail "standard error should be empty: $(cat err)"
if grep -q $'\033' out; then fail "a colour in a pipe"; fi
says_text out 'torn_sector '
says_text out '(none)'
says out '^[a-z]+ closed  '
says_text out 'Never reached here: faults'
says_text out '80 runs'

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
says_text out 'sometimes, but not within 20 runs: found_damaged'
if grep -q 'runs:.*found_torn' out; then fail "found_torn was hit"; fi
expect 4 "$sim" coverage ./never.yaml
says_text out 'of 2 marks that their scenarios declare, 1 were hit'
expect 0 "$sim" run ./never.yaml --seeds 10
says_text out 'a note only'
expect 4 "$sim" run ./never.yaml --json
says_text out '"never":["found_damaged"]'

[ "$failures" -eq 0 ] || exit 1
