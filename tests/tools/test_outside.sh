#!/usr/bin/env bash
# What the READMEs tell outsiders: their own storage code on the simulated disk, and the log in their own CMake project, from C++ as well.
#
# Goal: the words suffice. Method: sim/README.md's command builds its example, which ends as shown there; a small project takes the tree in by
# add_subdirectory and runs what it made.
set -eu

# shellcheck source=tests/tools/page.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/tools/page.sh"

build_as_told sim/README.md counter

# Its walk, output and all. The careless one fails, behind a pipe.
# shellcheck disable=SC2016 # a fence
sed -n '/^```console/,/^```$/p' sim/README.md | sed '1d;$d' >"$work/walk"
(cd "$work" && sed -n 's/^\$ //p' walk | while read -r line; do
    echo "\$ $line"
    bash -c "$line" || true
done) >"$work/walked"
diff "$work/walk" "$work/walked" || stop 'the example does not do what sim/README.md shows'
if "$work/counter" careless >"$work/out"; then stop 'a broken promise ends with 0'; fi
grep -q ' rename ' "$work/out" || stop 'the events of a broken promise are not shown'

if [ -n "${KAYA_SANITIZE:-}" ]; then exit 0; fi # a project of its own has its own options
mkdir "$work/project"
cp tools/example/notes.c "$work/project"
cat >"$work/project/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(outsider LANGUAGES C CXX)
add_subdirectory($KAYA_SOURCE kaya-wal EXCLUDE_FROM_ALL)
add_executable(notes notes.c)
target_link_libraries(notes PRIVATE kaya_wal_posix)
add_executable(plus plus.cc)
target_link_libraries(plus PRIVATE kaya_wal_posix)
END
cat >"$work/project/plus.cc" <<'END'
#include <cstdio>

#include "kaya/posix.h"
#include "kaya/reader.h"

int main(int, char **argv)
{
    kaya_posix_log log = KAYA_POSIX_LOG_NONE;
    kaya_wal_reader *reader = nullptr;
    kaya_wal_record record;

    if (kaya_posix_log_open(argv[1], nullptr, nullptr, &log, nullptr) != KAYA_OK)
        return 1;
    if (kaya_wal_reader_open(&log.environment, nullptr, &reader, nullptr) != KAYA_OK)
        return 1;
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK)
        std::printf("%.*s\n", static_cast<int>(record.length), static_cast<const char *>(record.bytes));
    kaya_wal_reader_close(reader);
    return kaya_posix_log_close(&log) != KAYA_OK;
}
END
{
    cmake -G Ninja -S "$work/project" -B "$work/project/build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER="${CC:-cc}" -DCMAKE_CXX_COMPILER="${CXX:-c++}" &&
        cmake --build "$work/project/build" --parallel 2
} >"$work/log" 2>&1 || stop "a project that takes the log in does not build: $(tail -20 "$work/log")"
"$work/project/build/notes" "$work/notes" 'milk, eggs' 'call Ada' >"$work/out"
"$work/project/build/plus" "$work/notes" >"$work/out"
printf 'milk, eggs\ncall Ada\n' | diff - "$work/out" || stop 'what C wrote C++ does not read'
