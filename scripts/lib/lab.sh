# Sourced by scripts/lab: it prepares Debian's packages, BlueZ's programs and a User-Mode Linux kernel, each once.
#   use_lab             for a guest on this machine's own root
#   use_lab_13          also Debian 13: its kernel, and a root of its own with its bluetoothd, D-Bus and Python
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

lab_13_packages="bluez,busybox-static,dbus,iproute2,kmod,python3"

# Its lock is its own: who needs Debian 12 only does not wait for 15 minutes.
use_lab_13() {
    exec 9>"$lab_cache/lock-13"
    flock 9
    lab_install debootstrap
    LAB_ROOT_13=$lab_cache/debian13-$(echo "$lab_13_packages" | sha256sum | cut -c1-16)
    LAB_PACKAGES_13=/opt/packages-$(sha256sum requirements-dev.lock | cut -c1-16)
    [ -e "$LAB_ROOT_13/.done" ] || lab_debootstrap trixie "$lab_13_packages" "$LAB_ROOT_13"
    [ -e "$LAB_ROOT_13$LAB_PACKAGES_13/.done" ] || lab_packages_13
    lab_build_kernel 6.12 debian13-
    LAB_KERNEL_13=$lab_built
    LAB_INIT_13=/lab-init-$(sha256sum tests/lab/init | cut -c1-16)
    install -m 755 tests/lab/init "$LAB_ROOT_13$LAB_INIT_13"
    exec 9>&-
    export LAB_KERNEL_13 LAB_ROOT_13 LAB_PACKAGES_13 LAB_INIT_13
}

# The virtual environment's packages once more, for Debian 13's Python.
lab_packages_13() {
    into=$LAB_ROOT_13$LAB_PACKAGES_13
    rm -rf "$into"
    "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps \
        --only-binary :all: --python-version 3.13 -r requirements-dev.lock --target "$into" >"$lab_cache/packages.log" 2>&1 ||
        lab_impossible "the packages in requirements-dev.lock could not be downloaded" "see $lab_cache/packages.log"
    chroot "$LAB_ROOT_13" python3 -m compileall -q "$LAB_PACKAGES_13" >"$lab_cache/packages.log" 2>&1 || true
    touch "$into/.done"
}

lab_debian_packages="bluez,busybox-static,dbus,kmod,procps,python3,python3-venv,systemd,systemd-sysv"

use_lab_debian() {
    exec 9>"$lab_cache/lock"
    flock 9
    lab_install debootstrap e2fsprogs
    LAB_DEBIAN=$lab_cache/debian-$(echo "$lab_debian_packages" | sha256sum | cut -c1-16)
    LAB_WHEELS=$lab_cache/wheels-$(cat requirements.lock requirements-dev.lock | sha256sum | cut -c1-16)
    [ -e "$LAB_DEBIAN/.done" ] || lab_debootstrap bookworm "$lab_debian_packages" "$LAB_DEBIAN"
    [ -e "$LAB_WHEELS/.done" ] || lab_wheels
    install -m 755 tests/lab/systemd/init "$LAB_DEBIAN/lab-init"
    exec 9>&-
    export LAB_DEBIAN LAB_WHEELS
}

#   lab_debootstrap SUITE PACKAGES DIRECTORY
lab_debootstrap() {
    echo "creating a Debian ($1) for the guest; this takes about 3 minutes" >&2
    rm -rf "$3"
    # shellcheck disable=SC2046
    debootstrap --variant=minbase --include="$2" "$1" "$3" $(lab_mirror) >"$lab_cache/debootstrap.log" 2>&1 ||
        lab_impossible "debootstrap failed: $(tail -1 "$lab_cache/debootstrap.log")" "see $lab_cache/debootstrap.log"
    touch "$3/.done"
}

lab_mirror() {
    sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1
}

lab_notify="apprise certifi charset-normalizer click idna markdown oauthlib paho-mqtt pyyaml requests requests-oauthlib urllib3"

# The guest has no network: the packages that pip would download there are downloaded here, for Debian 12's Python.
lab_wheels() {
    rm -rf "$LAB_WHEELS"
    awk -v names=" $lab_notify " '/^[a-z]/ { wanted = index(names, " " substr($1, 1, index($1, "==") - 1) " ") } wanted' \
        requirements-dev.lock >"$lab_cache/notify.lock"
    for lock in requirements.lock "$lab_cache/notify.lock"; do
        "${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
            --python-version 3.11 --no-deps -r "$lock" -d "$LAB_WHEELS" 2>"$lab_cache/wheels.log" ||
            lab_impossible "the packages in $lock could not be downloaded" "see $lab_cache/wheels.log"
    done
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
        ls "${package}"_*.deb >/dev/null 2>&1 || lab_download "$package"
        dpkg-deb -x "$(ls "${package}"_*.deb | tail -1)" "$into"
    ) || lab_impossible "Debian's package $package could not be downloaded" "see $lab_cache/apt.log"
}

lab_download() {
    case $1 in
    linux-source-6.12) lab_apt_13 update -qq && lab_apt_13 download -q "$1" ;;
    *) lab_apt_update && apt-get download -q "$1" >"$lab_cache/apt.log" 2>&1 ;;
    esac
}

# apt-get on Debian 13's archive, beside this machine's own lists.
lab_apt_13() {
    apt=$lab_cache/apt13
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    mirror=$(lab_mirror)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} trixie main" >"$apt/sources.list"
    apt-get -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$apt/lists" \
        -o Dir::Cache="$apt" "$@" >"$lab_cache/apt13.log" 2>&1
}

lab_bluez() {
    LAB_TOOLS=$lab_cache/tools
    [ -x "$LAB_TOOLS/usr/libexec/bluetooth/bluetoothd" ] || lab_unpack bluez "$LAB_TOOLS"
}

lab_kernel() {
    lab_build_kernel 6.1 ""
    LAB_KERNEL=$lab_built
}

# A kernel is named after its configuration, so that a changed configuration is built again.
#   lab_build_kernel VERSION PREFIX     sets lab_built to the kernel's path
lab_build_kernel() {
    config=$PWD/tests/lab/uml.config
    lab_built=$lab_cache/$2linux-$(sha256sum "$config" | cut -c1-16).uml
    [ ! -x "$lab_built" ] || return 0
    for kernel in "$lab_cache/$2"linux*.uml; do
        if lab_kernel_fits "$kernel" "$config"; then
            ln "$kernel" "$lab_built"
            return 0
        fi
    done
    # shellcheck disable=SC2086
    lab_install $lab_build_packages
    echo "building the lab's kernel, Linux $1; this takes about 10 minutes of CPU time" >&2
    source=$lab_cache/build.$$
    trap 'rm -rf "$source"' EXIT
    lab_unpack "linux-source-$1" "$source"
    tar -C "$source" -xf "$source/usr/src/linux-source-$1.tar.xz"
    (
        cd "$source/linux-source-$1"
        # room for all registers of a process: with AMX they take 11 KB, and init would die of SIGSEGV
        sed -i 's/HOST_FP_SIZE, 2696/HOST_FP_SIZE, 16384/' arch/x86/um/user-offsets.c
        grep -q 'HOST_FP_SIZE, 16384' arch/x86/um/user-offsets.c || exit 1 # "set -e" does not reach in here
        make -s ARCH=um KCONFIG_ALLCONFIG="$config" allnoconfig
        make -s ARCH=um -j"$(nproc)" linux
        strip -g -o "$lab_built.new" linux
    ) >"$lab_cache/$2kernel.log" 2>&1 || {
        tail -5 "$lab_cache/$2kernel.log" >&2
        lab_impossible "the kernel could not be built" "see $lab_cache/$2kernel.log"
    }
    mv "$lab_built.new" "$lab_built"
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
