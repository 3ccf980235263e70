#!/bin/bash
# Goal: sim/README.md tells of each family of faults, and names a litmus test that there is.
# Method: the families out of KAYA_FAULT_LIST, the rows out of the table, held against each other; a test is a Test() or the name of a story.
set -euo pipefail
cd "$KAYA_SOURCE"
failures=0
complain() { echo "$*"; failures=1; }

families=$(sed -n '/define KAYA_FAULT_LIST/,/^enum/p' sim/include/kaya/sim/disk.h | sed -nE 's/^ *X\([A-Z_]+, ([a-z_]+), ([A-Z]+)\).*/\1 is \L\2/p')
# shellcheck disable=SC2016 # the backquotes are the page's
rows=$(sed -nE 's/^\| `([a-z_]+)` \| ([a-z]+) \| .* \| `(test_[a-z]+)`: ([^|]*) \|$/\1 is \2:\3:\4/p' sim/README.md)
[ -n "$families" ] || { echo "the list of families was not found"; exit 1; }

[ "$(cut -d: -f1 <<<"$rows" | sort)" = "$(sort <<<"$families")" ] ||
    { complain "the families in the code and in sim/README.md differ:"; diff <(sort <<<"$families") <(cut -d: -f1 <<<"$rows" | sort) || true; }
while IFS=: read -r family file name; do
    grep -qE "^Test\([a-z]+, $name\)|\{ \"$name\"" "tests/sim/$file.c" || complain "$family: tests/sim/$file.c has no \"$name\""
done <<<"$rows"
exit "$failures"
