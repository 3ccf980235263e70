# What scripts that use a program as its users do have in common; sourced. Goes to the scratch directory.
# shellcheck shell=bash
# shellcheck source=tests/scratch.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/scratch.sh"
cd "$work" || exit 1

# expect CODE COMMAND...: it reads the file `in`, which is empty again afterwards, and ends so; its output is in `out` and `err`.
: >in
expect() {
    local want=$1 code
    shift
    "$@" <in >out 2>err
    code=$?
    [ "$code" -eq "$want" ] || fail "$* ended with $code, not $want: $(head -c 600 out err)"
    : >in
}

# says FILE REGEX, says_text FILE TEXT: it is in there.
says() { grep -qE -- "$2" "$1" || fail "'$2' is not in $1: $(head -c 1500 "$1")"; }
says_text() { grep -qF -- "$2" "$1" || fail "'$2' is not in $1: $(head -c 1500 "$1")"; }
