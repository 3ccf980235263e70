#!/usr/bin/env bash
# The root README keeps its word: its program is the one in tools/example, its command builds that program, the program
# does what it says. (tests/structure/ looks at links and commands.)
set -eu

source=${KAYA_SOURCE:?the source tree}
build=${KAYA_BUILD:?the build tree}
work=$(mktemp -d "${TMPDIR:-/tmp}/kaya-test-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$source"

fail() {
    echo "FAILED: $*"
    exit 1
}

sed -n "/^\x60\x60\x60c\$/,/^\x60\x60\x60\$/p" README.md | sed '1d;$d' >"$work/notes.c"
cmp "$work/notes.c" tools/example/notes.c || fail 'the program in README.md is not tools/example/notes.c'

# The lines from `cc ` on, as long as they end in a backslash.
command=$(sed -n '/^    cc /,/[^\\]$/p' README.md | tr -d '\\\n')
case $command in *notes.c*) ;; *) fail 'README.md does not say how to build notes.c' ;; esac
command=${command//-o notes/-o $work/notes}
command=${command// build\// $build/}
command=${command/ cc / ${CC:-cc} -Wall -Wextra -Werror }
case ${KAYA_SANITIZE:-} in
address) command+=' -fsanitize=address,undefined' ;;
esac
sh -c "$command" || fail "README.md's command does not build: $command"

"$work/notes" "$work/log" 'milk, eggs' 'call Ada' >"$work/out"
printf '1: milk, eggs\n2: call Ada\n' | diff - "$work/out" || fail 'notes does not print what it was given'
"$work/notes" "$work/log" 'third' | tail -1 | grep -qx '3: third' || fail 'notes forgets'
if "$work/notes" "$work/no/such/parent" x 2>/dev/null; then fail 'notes does not say that it failed'; fi
