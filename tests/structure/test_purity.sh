#!/bin/bash
# Goal: core's archive calls nothing of the operating system, keeps no state of its own, and every archive gives the
# linker only names that begin with kaya_.
# Method: nm and objdump on the archives as built, against lists of what is allowed. Each check is first shown an
# archive with a planted breach, which it must catch.
set -euo pipefail
shopt -s lastpipe

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The compiler may put in calls of its own: memory functions, 128-bit and bit arithmetic, the stack protector, what the
# processor is (a constant table, filled before main).
compiler='mem(cpy|move|set|cmp|chr)|__(u?div|u?mod|u?divmod|mul|ash[lr]|lshr|popcount|cl[zt]|ctz|ffs|parity)[a-z0-9]*|__stack_chk_fail|__cpu_model|_GLOBAL_OFFSET_TABLE_'
checksums='crc32_iscsi|XXH[A-Za-z0-9_]*'
# What would let a run hang on something else than its decisions.
world='time|times|clock.*|gettimeofday|nanosleep|s?rand(om)?(_r)?|[dlmj]rand48.*|getrandom|getentropy|arc4random.*|getpid|getenv|pthread_.*|thrd_.*|mtx_.*|open(at|64)?|creat|f?open(64)?|p?(read|write)v?(64)?|f(data)?sync|fork|socket|mmap(64)?'

defined() { nm --defined-only --extern-only --format=just-symbols "$1" 2>/dev/null | sed '/:$/d; /^$/d' | sort -u; }
undefined() { nm --undefined-only --format=just-symbols "$1" 2>/dev/null | sed '/:$/d; /^$/d' | sort -u; }

# Each check prints its findings, one a line; none is good.
foreign_names() { defined "$1" | grep -vE '^kaya_' || true; }
calls_beyond() { # ARCHIVE ALLOWED LIBRARY...: undefined names that are neither allowed nor defined in the archives
    local archive=$1 allowed=$2
    shift 2
    comm -23 <(undefined "$archive") <(for a in "$archive" "$@"; do defined "$a"; done | sort -u) |
        grep -vxE "$allowed" || true
}
calls_of_the_world() { undefined "$1" | grep -xE "$world" || true; }
# Symbols in sections that can be written to. Constant tables of pointers lie in .data.rel.ro and are no state.
state() { objdump --syms "$1" | awk '$3 == "O" && $4 ~ /^(\.data|\.bss|\.tdata|\.tbss)$/ || $2 == "O" && $3 ~ /^(\.data|\.bss|\*COM\*)$/ || $4 == "*COM*" { print $NF }'; }

failures=0
good() { # TITLE FINDINGS
    if [ -n "$2" ]; then
        printf '%s:\n%s\n' "$1" "$2"
        failures=$((failures + 1))
    fi
}
caught() { # TITLE WANTED FINDINGS
    if [ "$2" != "$3" ]; then
        printf 'the check is blind: %s: expected "%s", found "%s"\n' "$1" "$2" "$3"
        failures=$((failures + 1))
    fi
}

cat >"$work/planted.c" <<'END'
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
int kaya_innocent(const char *path) { return open(path, O_RDONLY); }
long stranger(void) { static long calls; calls++; return calls + (long)time(NULL); }
void *kaya_greedy(size_t size) { return malloc(size); }
END
"$CC" -c -o "$work/planted.o" "$work/planted.c"
ar rc "$work/planted.a" "$work/planted.o"
caught "a name that is not ours" "stranger" "$(foreign_names "$work/planted.a")"
caught "calls beyond the allowed" "malloc open time" \
    "$(calls_beyond "$work/planted.a" "$compiler|$checksums" | xargs)"
caught "calls of the world" "open time" "$(calls_of_the_world "$work/planted.a" | xargs)"
caught "state" "1" "$(state "$work/planted.a" | wc -l)"

core=$KAYA_BUILD/core
seam=$core/libkaya_seam.a
wal=$core/libkaya_wal.a
sim=$KAYA_BUILD/sim/libkaya_sim.a

for archive in "$seam" "$wal" "$core/libkaya_wal_posix.a" "$sim" "$KAYA_BUILD/scenarios/libkaya_scenarios.a"; do
    [ -n "$(defined "$archive")" ] || { echo "$archive defines nothing"; exit 1; }
    good "$archive defines names that do not begin with kaya_" "$(foreign_names "$archive")"
done
good "kaya_seam calls" "$(calls_beyond "$seam" "$compiler")"
good "kaya_wal calls" "$(calls_beyond "$wal" "$compiler|$checksums" "$seam")"
good "kaya_seam keeps state" "$(state "$seam")"
good "kaya_wal keeps state" "$(state "$wal")"
good "kaya_sim asks the world" "$(calls_of_the_world "$sim")"
good "kaya_sim keeps state" "$(state "$sim")"
good "kaya_sim calls core" "$(calls_beyond "$sim" '[^k].*' "$seam")"

[ "$failures" -eq 0 ]
