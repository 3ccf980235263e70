#!/usr/bin/env bash
# What `cmake --install` leaves: all that a program needs which embeds the log, or goes onto the simulated disk, and nothing of the inside.
#
# Goal: the tree is not needed any more. Method: installed into a folder that is then moved; the headers are those that are public; the examples
# are built against it as the main README says, by pkg-config and by CMake, and run.
set -eu

# shellcheck source=tests/tools/page.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/tools/page.sh"
if [ -n "${KAYA_SANITIZE:-}" ]; then exit 0; fi # who links with it has their own options

cmake --install "$build" --prefix "$work/made" >"$work/log" 2>&1 || stop "it does not install: $(tail -20 "$work/log")"
prefix=$work/prefix
mv "$work/made" "$prefix"

(cd core/include && find . -name '*.h'; cd ../../sim/include && find . -name '*.h') | sort >"$work/public"
(cd "$prefix/include" && find . -name '*.h') | sort | diff "$work/public" - || stop 'the headers are not the public ones'
for program in kaya-wal kaya-sim; do
    "$prefix/bin/$program" --version >"$work/out" || stop "$program does not start"
done
[ -s "$prefix/share/doc/kaya-wal/FORMAT.md" ] || stop 'the format is not described'

# try WHERE: the examples there do what they are for.
try() {
    rm -rf "$work/notes"
    "$1/notes" "$work/notes" 'milk, eggs' >"$work/out"
    grep -qx '1: milk, eggs' "$work/out" || stop "$1/notes keeps no note"
    "$1/counter" >"$work/out"
    grep -q ', 0 violations$' "$work/out" || stop "$1/counter is not crashed"
}

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
mkdir "$work/plain"
for each in notes:kaya-wal counter:kaya-sim; do
    # shellcheck disable=SC2046 # words
    "${CC:-cc}" -std=c17 -Wall -Wextra -Werror "tools/example/${each%:*}.c" -o "$work/plain/${each%:*}" $(pkg-config --cflags --libs "${each#*:}") ||
        stop "${each#*:} is not enough for ${each%:*}.c"
done
try "$work/plain"

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(outsider LANGUAGES C)
find_package(kaya-wal REQUIRED)
add_executable(notes $KAYA_SOURCE/tools/example/notes.c)
target_link_libraries(notes PRIVATE kaya-wal::kaya_wal_posix)
add_executable(counter $KAYA_SOURCE/tools/example/counter.c)
target_link_libraries(counter PRIVATE kaya-wal::kaya_sim)
END
{
    cmake -G Ninja -S "$work/project" -B "$work/project/build" -DCMAKE_C_COMPILER="${CC:-cc}" -DCMAKE_PREFIX_PATH="$prefix" &&
        cmake --build "$work/project/build"
} >"$work/log" 2>&1 || stop "a project that finds it does not build: $(tail -20 "$work/log")"
try "$work/project/build"
