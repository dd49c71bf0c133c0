# Sourced by the scripts: pytest's options for everything, a process for each core. What is named runs in one process,
# so that -s, -x and --pdb work as always.
#   parallel "$@"      prints them for the arguments of a script

parallel() {
    case "$*" in
    "" | --long) echo "-n auto --dist loadscope" ;;
    esac
}
