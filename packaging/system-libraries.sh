#!/bin/sh
# Installs the libraries that Qt's platform plugins load and a bare Debian or Ubuntu lacks. Where that is
# not possible it says what to install and goes on: everything but the window works without them.
set -u
[ "$(uname -s)" = Linux ] || exit 0

missing() {
    for library in libglib-2.0.so.0 libEGL.so.1 libGL.so.1 libxkbcommon-x11.so.0 libdbus-1.so.3 libfontconfig.so.1 libxcb-cursor.so.0 \
        libxcb-icccm.so.4 libxcb-keysyms.so.1 libxcb-image.so.0 libxcb-render-util.so.0 libxcb-shape.so.0 libxcb-xinerama.so.0; do
        (PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null) | grep -q "$library" || printf '%s ' "$library"
    done
}

lacking=$(missing)
[ -n "$lacking" ] || exit 0

packages="libglib2.0-0 libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1
libxcb-image0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 fonts-dejavu-core"

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then as=""; elif sudo -n true 2>/dev/null; then as="sudo"; else as="no"; fi
    if [ "$as" != no ]; then
        echo "Installing the system libraries that Qt needs..."
        # Another program may hold apt's lock, a mirror may not answer at once, and a release may not have every name.
        install() {
            $as env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
                install -y -qq --no-install-recommends "$@" >/dev/null
        }
        for pause in 5 20 0; do
            $as apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update -qq
            # shellcheck disable=SC2086
            install $packages || for package in $packages; do install "$package"; done
            lacking=$(missing)
            [ -n "$lacking" ] || exit 0
            sleep "$pause"
        done
    fi
fi
echo "The window needs system libraries that are not here: $lacking" >&2
echo "On Debian or Ubuntu: sudo apt-get install" $packages >&2
exit 0
