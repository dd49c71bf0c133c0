# Sourced by scripts/lab: it prepares Debian's packages, BlueZ's programs and a User-Mode Linux kernel, each once.
#   use_lab             for a guest on this machine's own root
#   use_lab_debian      also a separate Debian for a guest with systemd, with the packages that scripts/install needs
# Results are in ${BLUEZONE_LAB_CACHE:-~/.cache/bluezone-lab}; BlueZ is not installed on this machine.

lab_packages="busybox-static dbus-daemon kmod libasound2 libdw1 libglib2.0-0"
lab_build_packages="bc bison flex gcc libc6-dev libelf-dev make xz-utils"

use_lab() {
    lab_require_machine
    lab_cache=${BLUEZONE_LAB_CACHE:-$HOME/.cache/bluezone-lab}
    mkdir -p "$lab_cache"
    exec 9>"$lab_cache/lock"
    flock 9 # another run may be building
    # shellcheck disable=SC2086
    lab_install $lab_packages
    lab_bluez
    lab_kernel
    exec 9>&-
    export LAB_KERNEL LAB_TOOLS
}

lab_debian_packages="bluez,busybox-static,dbus,kmod,procps,python3,python3-venv,systemd,systemd-sysv"

use_lab_debian() {
    exec 9>"$lab_cache/lock"
    flock 9
    lab_install debootstrap e2fsprogs
    LAB_DEBIAN=$lab_cache/debian-$(echo "$lab_debian_packages" | sha256sum | cut -c1-16)
    LAB_WHEELS=$lab_cache/wheels-$(sha256sum requirements.lock | cut -c1-16)
    [ -e "$LAB_DEBIAN/.done" ] || lab_debian
    [ -e "$LAB_WHEELS/.done" ] || lab_wheels
    install -m 755 tests/lab/systemd/init "$LAB_DEBIAN/lab-init"
    exec 9>&-
    export LAB_DEBIAN LAB_WHEELS
}

lab_debian() {
    echo "creating a Debian for the guest; this takes about 3 minutes" >&2
    mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1)
    rm -rf "$LAB_DEBIAN"
    # shellcheck disable=SC2086
    debootstrap --variant=minbase --include="$lab_debian_packages" bookworm "$LAB_DEBIAN" $mirror >"$lab_cache/debootstrap.log" 2>&1 ||
        lab_impossible "debootstrap failed: $(tail -1 "$lab_cache/debootstrap.log")" "see $lab_cache/debootstrap.log"
    touch "$LAB_DEBIAN/.done"
}

# The guest has no network: the packages that pip would download there are downloaded here, for Debian 12's Python.
lab_wheels() {
    rm -rf "$LAB_WHEELS"
    "${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
        --python-version 3.11 -r requirements.lock -d "$LAB_WHEELS" 2>"$lab_cache/wheels.log" ||
        lab_impossible "the packages in requirements.lock could not be downloaded" "see $lab_cache/wheels.log"
    touch "$LAB_WHEELS/.done"
}

lab_require_machine() {
    [ "$(id -u)" = 0 ] || lab_impossible "it must run as root: the guest mounts this machine's root" "run: sudo scripts/lab"
    [ "$(uname -sm)" = "Linux x86_64" ] || lab_impossible "User-Mode Linux needs Linux on x86_64, this is $(uname -sm)" ""
    [ "$(. /etc/os-release 2>/dev/null && echo "${ID:-}${VERSION_ID:-}")" = debian12 ] ||
        lab_impossible "it needs Debian 12" "run it in a container or chroot of Debian 12"
}

lab_impossible() {
    echo "scripts/lab: the lab can't be set up: $1" >&2
    [ -z "$2" ] || echo "hint: $2" >&2
    exit 1
}

lab_install() {
    missing=
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    echo "installing$missing" >&2
    lab_apt_update
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >"$lab_cache/apt.log" 2>&1 || {
        tail -5 "$lab_cache/apt.log" >&2
        lab_impossible "apt-get could not install$missing" ""
    }
}

lab_apt_update() {
    [ -z "${lab_updated:-}" ] || return 0
    apt-get update -qq >"$lab_cache/apt.log" 2>&1 || lab_impossible "apt-get update failed: $(tail -1 "$lab_cache/apt.log")" ""
    lab_updated=yes
}

# Downloads a package without installing it, and unpacks it into a directory.
lab_unpack() {
    package=$1 into=$2
    mkdir -p "$lab_cache/debs"
    (
        cd "$lab_cache/debs"
        ls "${package}"_*.deb >/dev/null 2>&1 || { lab_apt_update && apt-get download -q "$package" >"$lab_cache/apt.log" 2>&1; }
        dpkg-deb -x "$(ls "${package}"_*.deb | tail -1)" "$into"
    ) || lab_impossible "Debian's package $package could not be downloaded" "see $lab_cache/apt.log"
}

lab_bluez() {
    LAB_TOOLS=$lab_cache/tools
    [ -x "$LAB_TOOLS/usr/libexec/bluetooth/bluetoothd" ] || lab_unpack bluez "$LAB_TOOLS"
}

# The kernel is named after its configuration, so that a changed configuration is built again.
lab_kernel() {
    config=$PWD/tests/lab/uml.config
    LAB_KERNEL=$lab_cache/linux-$(sha256sum "$config" | cut -c1-16).uml
    [ ! -x "$LAB_KERNEL" ] || return 0
    for kernel in "$lab_cache"/linux*.uml; do
        if lab_kernel_fits "$kernel" "$config"; then
            ln "$kernel" "$LAB_KERNEL"
            return 0
        fi
    done
    # shellcheck disable=SC2086
    lab_install $lab_build_packages
    echo "building the lab's kernel; this takes about 10 minutes of CPU time" >&2
    source=$lab_cache/build.$$
    trap 'rm -rf "$source"' EXIT
    lab_unpack linux-source-6.1 "$source"
    tar -C "$source" -xf "$source/usr/src/linux-source-6.1.tar.xz"
    (
        cd "$source/linux-source-6.1"
        # room for all registers of a process: with AMX they take 11 KB, and init would die of SIGSEGV
        sed -i 's/HOST_FP_SIZE, 2696/HOST_FP_SIZE, 16384/' arch/x86/um/user-offsets.c
        grep -q 'HOST_FP_SIZE, 16384' arch/x86/um/user-offsets.c || exit 1 # "set -e" does not reach in here
        make -s ARCH=um KCONFIG_ALLCONFIG="$config" allnoconfig
        make -s ARCH=um -j"$(nproc)" linux
        strip -g -o "$LAB_KERNEL.new" linux
    ) >"$lab_cache/kernel.log" 2>&1 || {
        tail -5 "$lab_cache/kernel.log" >&2
        lab_impossible "the kernel could not be built" "see $lab_cache/kernel.log"
    }
    mv "$LAB_KERNEL.new" "$LAB_KERNEL"
    rm -rf "$source"
    trap - EXIT
}

# Whether an existing kernel reports every option that the configuration asks for.
lab_kernel_fits() {
    [ -x "$1" ] || return 1
    has=$("$1" --showconfig 2>/dev/null) || return 1
    while read -r line; do
        case $line in
        *=y | *=[0-9]*) printf '%s\n' "$has" | grep -qx "$line" || return 1 ;;
        *=n) ! printf '%s\n' "$has" | grep -qx "${line%=n}=y" || return 1 ;;
        esac
    done <"$2"
}
