# Sourced by the scripts: pytest's options for a full run, with one process per core. Named tests run in one process, so
# that -s, -x and --pdb work as usual.
#   parallel "$@"      prints the options for a script's arguments

parallel() {
    case "$*" in
    "" | --long) echo "-n auto --dist loadscope" ;;
    esac
}
