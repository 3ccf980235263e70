#!/bin/bash
# Goal: arrows run one way (tools, fuzz and tests -> scenarios -> sim -> core's seam headers <- core), no circle
# runs through the files, and core's README lists its files in the order in which they include each other, as it says.
# Method: read every #include; each must lead to a file that its room may see. A .c and the .h of the same name are one
# knot; tsort says whether the knots can be put in order. The checks are first shown a planted tree that breaks them.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Print "INCLUDER INCLUDED" for each include of a file of the tree, "INCLUDER ?NAME" where a quoted one leads nowhere.
includes() { # TOP
    (
        cd "$1"
        rooms=$(for room in core sim scenarios tools fuzz; do [ ! -d "$room" ] || echo "$room"; done)
        # shellcheck disable=SC2086 # one argument a room
        find $rooms -name '*.[ch]' | sort | while read -r file; do
            sed -nE 's/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]*)[">].*/\1 \2/p' "$file" | while read -r kind name; do
                resolve "$file" "$kind" "$name"
            done
        done
    )
}
resolve() { # FILE KIND NAME
    local folder found
    local roots=(core/include sim/include scenarios/include tools)
    [[ $1 != fuzz/* ]] || roots+=(core fuzz . tests/architectures)
    for folder in "$(dirname "$1")" "${roots[@]}"; do
        if [ -f "$folder/$3" ]; then
            found=$folder/$3
            echo "$1 ${found#./}"
            return
        fi
    done
    if [ "$2" = '"' ] || [[ $3 == kaya/* ]]; then
        echo "$1 ?$3"
    fi
}

# What each place may include, first match counts.
forbidden() { # reads includes, prints those that are not allowed
    awk '
        function allowed(from, to) {
            if (from ~ /^core\/include\/kaya\/seam\//) return to ~ /^core\/include\/kaya\/seam\//
            if (from ~ /^core\/include\//) return to ~ /^core\/include\//
            if (from ~ /^core\/seam\//) return to ~ /^core\/(include\/kaya\/)?seam\//
            if (from ~ /^core\/posix\//) return to ~ /^core\/(posix|include)\//
            if (from ~ /^core\//) return to ~ /^core\// && to !~ /^core\/(posix|seam)\// && to !~ /posix\.h$/
            if (from ~ /^sim\/include\//) return to ~ /^sim\/include\// || to ~ /^core\/include\/kaya\/seam\//
            if (from ~ /^sim\//) return to ~ /^sim\// || to ~ /^core\/include\/kaya\/seam\//
            if (from ~ /^scenarios\//) return to ~ /^scenarios\// || to ~ /^sim\/include\// ||
                                              to ~ /^core\/include\// && to !~ /posix\.h$/
            if (from ~ /^tools\//) return to ~ /^tools\// || to ~ /\/include\//
            return to !~ /^[?]/
        }
        !allowed($1, $2) { print $1 " includes " $2 }
    '
}

circles() { # reads includes
    sed -E 's/\.[ch]( |$)/\1/g' | awk '$1 != $2' | sort -u | tsort 2>&1 >/dev/null | sed 's/^tsort: //' || true
}

# An include of core in core that leads to a lower row of the README's table.
downward() { # README; reads includes
    sed -E 's/\.[ch]( |$)/\1/g' | awk '
        FNR == NR {
            if (/^\| `/)
                for (split($0, cells, "|"); match(cells[2], /`[^`]+`/); cells[2] = substr(cells[2], RSTART + RLENGTH)) {
                    name = substr(cells[2], RSTART + 1, RLENGTH - 2)
                    sub(/\.h$/, "", name)
                    row[name] = FNR
                }
            next
        }
        $1 ~ /^core\/[a-z]+$/ && $2 ~ /^core\/[a-z]+$/ {
            from = substr($1, 6); to = substr($2, 6)
            if (!(from in row)) print from " stands in no row"
            else if (row[to] > row[from]) print from " includes " to ", which stands below it"
        }
    ' "$1" - | sort -u
}

mkdir -p "$work"/core/include/kaya/seam "$work"/sim "$work"/scenarios
touch "$work"/core/include/kaya/wal.h "$work"/core/include/kaya/seam/disk.h
echo '#include "scan.h"' >"$work/core/frame.c"
echo '#include "kaya/seam/disk.h"' >"$work/core/frame.h"
echo '#include "frame.h"' >"$work/core/scan.h"
printf '#include "kaya/wal.h"\n#include <stdio.h>\n#  include <kaya/seam/disk.h>\n' >"$work/sim/disk.c"
printf '#include "frame.h"\n#include "kaya/wal.h"\n' >"$work/scenarios/run.c"
planted=$(includes "$work")
wanted='scenarios/run.c includes ?frame.h
sim/disk.c includes core/include/kaya/wal.h'
[ "$(forbidden <<<"$planted" | sort)" = "$wanted" ] ||
    { echo "the check of directions is blind"; forbidden <<<"$planted"; exit 1; }
[ -n "$(circles <<<"$planted")" ] || { echo "the check for circles is blind"; exit 1; }

# shellcheck disable=SC2016 # backquotes as they stand in a page
printf '%s\n' '| `frame` | bytes |' '| `scan` | facts |' >"$work/README.md"
[ "$(downward "$work/README.md" <<<"$planted")" = "frame includes scan, which stands below it" ] ||
    { echo "the check of the README's order is blind"; downward "$work/README.md" <<<"$planted"; exit 1; }

real=$(includes "$KAYA_SOURCE")
failures=0
wrong=$(forbidden <<<"$real")
if [ -n "$wrong" ]; then
    printf 'includes that run the wrong way:\n%s\n' "$wrong"
    failures=1
fi
loops=$(circles <<<"$real")
if [ -n "$loops" ]; then
    printf 'a circle among the files (a .c and its .h are one):\n%s\n' "$loops"
    failures=1
fi
below=$(downward "$KAYA_SOURCE/core/README.md" <<<"$real")
if [ -n "$below" ]; then
    printf "includes against the order of core/README.md:\n%s\n" "$below"
    failures=1
fi
exit "$failures"
