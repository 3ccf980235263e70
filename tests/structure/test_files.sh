#!/bin/bash
# Goal: no file is forgotten. CMake takes them by name, so one that nobody named would be built and tried by nobody, silently.
# Method: a file's list is the CMakeLists.txt of its folder, or the next one above. It must hold the file's path from there as a
# word, with or without the ending, or the bare name and a loop that makes the path of it (seeds/${name}.c); or a list one
# folder below holds ../NAME. First shown a planted tree that lacks some.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

holds() { # WORD LIST...
    local word=$1
    shift
    grep -qsE "(^|[ (\"])${word//./\\.}([ )\"]|\$)" "$@"
}

named() { # PATH LIST
    local path=$1 list=$2
    local ending=${path##*.} name within
    name=$(basename "$path" ".$ending")
    within=${path%"$(basename "$path")"}
    holds "$path" "$list" || holds "${path%.*}" "$list" || holds "${path#include/}" "$list" ||
        { holds "$name" "$list" && grep -qE "$within"'\$\{[a-z]+\}'"\.$ending" "$list"; } ||
        holds "../$path" "$(dirname "$list")"/*/CMakeLists.txt
}

# Print those files of the tree below TOP that no list names.
forgotten() { # TOP ROOM...
    (
        cd "$1"
        shift
        find "$@" -type f \( -name '*.c' -o -path '*/include/*.h' -o -name 'test_*.sh' -o -name '*.yaml' -o -name '*.workload' \
            -o -name '*.patch' \) | sort | while read -r file; do
            folder=$(dirname "$file")
            while [ ! -f "$folder/CMakeLists.txt" ]; do
                folder=$(dirname "$folder")
            done
            named "${file#"$folder"/}" "$folder/CMakeLists.txt" || echo "$file"
        done
    )
}

# Print what tools left in the tree below TOP.
leavings() { # TOP
    (
        cd "$1"
        find . \( -path ./build -o -path ./.git \) -prune -o -type f \( -name '*.orig' -o -name '*.rej' -o -name '*.tape' -o -name '*~' \
            -o -regextype posix-extended -regex '.*/(crash|leak|oom|timeout|slow-unit)-[0-9a-f]{40}' \) -print | sort
    )
}

mkdir -p "$work"/room/{part/include,below}
touch "$work"/room/{named,lost,looped,upward}.c "$work"/room/{story,lost}.yaml "$work"/room/part/{named,lost}.c \
    "$work"/room/part/include/{named,lost}.h "$work"/room/private.h "$work"/room/test_lost.sh
cat >"$work/room/CMakeLists.txt" <<'END'
add_library(room STATIC named.c part/named.c
  part/include/named.h)
set(stories story)
foreach(name looped)
  add_executable(${name} ${name}.c)
endforeach()
END
echo 'add_executable(upward ../upward.c)' >"$work/room/below/CMakeLists.txt"
wanted='room/lost.c
room/lost.yaml
room/part/include/lost.h
room/part/lost.c
room/test_lost.sh'
planted=$(forgotten "$work" room)
[ "$planted" = "$wanted" ] || { printf 'the check is blind, it found:\n%s\n' "$planted"; exit 1; }

missing=$(forgotten "$KAYA_SOURCE" core sim scenarios tools tests fuzz)
[ -z "$missing" ] || { printf 'named by no CMakeLists.txt:\n%s\n' "$missing"; exit 1; }

mkdir -p "$work"/build
crash=crash-$(printf 'f%.0s' {1..40})
touch "$work"/build/kept.tape "$work"/failed.tape "$work"/room/named.c.orig "$work/$crash"
planted=$(leavings "$work")
[ "$planted" = "./$crash
./failed.tape
./room/named.c.orig" ] || { printf 'the check of leavings is blind, it found:\n%s\n' "$planted"; exit 1; }

left=$(leavings "$KAYA_SOURCE")
[ -z "$left" ] || { printf 'left lying about:\n%s\n' "$left"; exit 1; }
