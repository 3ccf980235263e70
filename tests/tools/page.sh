# What scripts have in common that do what a page tells people to do; sourced. Goes to the top of the tree.
# shellcheck shell=bash
# shellcheck source=tests/scratch.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/scratch.sh"
build=${KAYA_BUILD:?the build tree}
cd "$KAYA_SOURCE" || exit 1

# build_as_told PAGE PROGRAM: the page's `cc` command (the lines from it on, as long as they end in a backslash) makes $work/PROGRAM of PROGRAM.c.
build_as_told() {
    local page=$1 program=$2 command
    command=$(sed -n '/^    cc /,/[^\\]$/p' "$page" | tr -d '\\\n')
    case $command in *"$program".c*) ;; *) stop "$page does not say how to build $program.c" ;; esac
    command=${command//-o $program/-o $work/$program}
    command=${command// build\// $build/}
    command=${command/ cc / ${CC:-cc} -Wall -Wextra -Werror }
    case ${KAYA_SANITIZE:-} in
    address) command+=' -fsanitize=address,undefined' ;;
    esac
    sh -c "$command" || stop "$page's command does not build: $command"
}
