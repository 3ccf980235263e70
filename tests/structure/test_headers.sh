#!/bin/bash
# Goal: every header stands on its own, in C; a public one in C++ too.
# Method: hand each header to the compiler alone. What sim sees of core is compiled with the seam headers alone; that
# this is a wall is shown by a file that reaches past it, which must not compile.
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

if "$CC" -std=c17 "${warnings[@]}" "${sim_sees[@]}" -x c - <<<'#include "kaya/wal.h"' 2>/dev/null; then
    echo "sim can see kaya/wal.h"
    failures=1
fi
exit "$failures"
