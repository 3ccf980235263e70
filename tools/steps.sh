# shellcheck shell=sh
# What run, test, check and .ci/run share; they source it, standing in the top folder.

jobs=$(nproc)

# teach ARGUMENT...: if the first asks for it, the comment that the script begins with, and no more.
teach() {
    case ${1:-} in
        -h | --help)
            sed -n '1d; /^#/!q; s/^# \{0,1\}//p' "tools/$(basename "$0")"
            exit 0
            ;;
    esac
}

# step TITLE COMMAND...: say what is done and how long it took; the command's own words only if it fails.
step() {
    title=$1
    shift
    log=$(mktemp)
    begin=$(date +%s)
    printf '%-64s' "$title"
    if "$@" >"$log" 2>&1; then
        printf ' %4d s\n' $(($(date +%s) - begin))
        rm -f "$log"
    else
        printf ' FAILED\n'
        cat "$log"
        rm -f "$log"
        exit 1
    fi
}

# configure PRESET OPTION...: a build directory that came with a copied tree belongs to another place, and is begun anew.
configure() {
    preset=$1
    shift
    directory=$(build_directory "$preset")
    fresh=
    if [ -f "$directory/CMakeCache.txt" ] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$(pwd -P)" "$directory/CMakeCache.txt"; then
        fresh=--fresh
    fi
    # shellcheck disable=SC2086 # empty means no option
    cmake --preset "$preset" $fresh "$@"
}

build_directory() {
    case $1 in
        release) echo build ;;
        *) echo "build/$1" ;;
    esac
}

# build PRESET OPTION...
build() {
    preset=$1
    shift
    cmake --build "$(build_directory "$preset")" --parallel "$jobs" "$@"
}
