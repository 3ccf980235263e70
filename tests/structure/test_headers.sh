#!/bin/bash
# Goal: every header stands on its own, in C; a public one in C++ too. What those outside are meant to call can be linked from C++.
# Method: hand each header to the compiler alone. What sim sees of core is compiled with the seam headers alone; that
# this is a wall is shown by a file that reaches past it, which must not compile. A C++ file takes the address of each function of a
# header; the linker's names must be C's, and a header without the words for that is shown to be noticed.
set -euo pipefail
cd "$KAYA_SOURCE"
[ -n "$CXX" ] || { echo "no C++ compiler"; exit 1; }

warnings=(-Wall -Wextra -Werror -fsyntax-only)
sim_sees=(-I"$KAYA_BUILD/core/seam" -Isim/include)
public=(-Icore/include -Isim/include -Iscenarios/include)
failures=0

compiles() { # HEADER OPTION...: as C
    local header=$1
    shift
    "$CC" -std=c17 "${warnings[@]}" "$@" -D_DEFAULT_SOURCE -x c - <<<"#include \"$PWD/$header\"" ||
        { echo "$header does not compile alone as C"; failures=1; }
}
compiles_as_cxx() {
    local header=$1
    shift
    "$CXX" -std=c++17 "${warnings[@]}" "$@" -x c++ - <<<"#include \"$PWD/$header\"" ||
        { echo "$header does not compile alone as C++"; failures=1; }
}

count=0
while read -r header; do
    case $header in
        sim/*) see=("${sim_sees[@]}" -Isim) ;;
        *) see=("${public[@]}" -Icore -Iscenarios -Itools) ;;
    esac
    compiles "$header" "${see[@]}"
    case $header in
        */include/*) compiles_as_cxx "$header" "${see[@]}" ;;
    esac
    count=$((count + 1))
done < <(find core sim scenarios tools -name '*.h' | sort)
[ "$count" -gt 0 ] || { echo "no header found"; exit 1; }

# Of a header, the functions that are in the archives and that C++ would look for under names of its own.
foreign_in_cxx() { # HEADER OPTION...
    local header=$1 name
    shift
    {
        echo "#include \"$header\""
        echo 'void *all_of_them[] = {'
        grep -oE '\bkaya_[a-z0-9_]+\(' "$header" | tr -d '(' | sort -u | comm -12 - "$work/defined" |
            while read -r name; do echo "(void *)&$name,"; done
        echo 'nullptr};'
    } >"$work/all.cc"
    "$CXX" -std=c++17 -Wall -Wextra -Werror "$@" -c -o "$work/all.o" "$work/all.cc" || echo "$header: does not compile"
    nm --undefined-only --format=just-symbols "$work/all.o" | grep '^_Z.*kaya_' || true
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm --defined-only --extern-only --format=just-symbols "$KAYA_BUILD"/core/lib*.a "$KAYA_BUILD"/sim/lib*.a 2>/dev/null |
    grep '^kaya_' | sort -u >"$work/defined"
linked=0
for header in $(find "$PWD/core/include" "$PWD/sim/include" -name '*.h' | sort); do
    foreign=$(foreign_in_cxx "$header" "${public[@]}")
    [ -z "$foreign" ] || { echo "$header cannot be linked from C++: $foreign"; failures=1; }
    linked=$((linked + $(grep -c '^(void' "$work/all.cc" || true)))
done
[ "$linked" -gt 100 ] || { echo "only $linked functions were looked for from C++"; failures=1; }
printf '%s\n' 'enum kaya_stream { none };' 'const char *kaya_stream_name(enum kaya_stream stream);' >"$work/planted.h"
[ -n "$(foreign_in_cxx "$work/planted.h")" ] || { echo "the check of names in C++ is blind"; failures=1; }

if "$CC" -std=c17 "${warnings[@]}" "${sim_sees[@]}" -x c - <<<'#include "kaya/wal.h"' 2>/dev/null; then
    echo "sim can see kaya/wal.h"
    failures=1
fi
exit "$failures"
