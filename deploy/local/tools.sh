#!/usr/bin/env bash
# Sees to it that programs of the system are there: installs them as root on Debian or Ubuntu, else says the line that does.
# nats-server needs no root: its package is unpacked under .local/.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

present() {
  case "$1" in
    chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
    fonts-wqy-microhei) find /usr/share/fonts /usr/local/share/fonts ~/.fonts -iname 'wqy-microhei*' 2>/dev/null | grep -m1 . ;;
    nats-server) command -v nats-server || [ -x "$root/.local/debian/usr/sbin/nats-server" ] ;;
    python3*-venv) "${1%-venv}" -c 'import ensurepip, venv' ;;
    *) command -v "$1" ;;
  esac >/dev/null 2>&1
}

# apt-get with fresh lists: the first try may meet a machine that has none.
apt() {
  "$@" >/dev/null 2>&1 && return
  [ "$(id -u)" = 0 ] && apt-get update >/dev/null && "$@" >/dev/null
}

missing=()
for name in "$@"; do present "$name" || missing+=("$name"); done
[ "${#missing[@]}" = 0 ] && exit 0
line="sudo apt-get update && sudo apt-get install -y ${missing[*]}"

if ! command -v apt-get >/dev/null; then
  echo "Missing: ${missing[*]}. This is no Debian or Ubuntu: install them and put them on PATH." >&2
  exit 1
fi

if [ "${missing[*]}" = nats-server ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work" && cd "$work"
  if apt apt-get download nats-server; then
    mkdir -p "$root/.local/debian"
    dpkg -x nats-server_*.deb "$root/.local/debian"
    exit 0
  fi
  echo "nats-server is missing, and apt-get cannot fetch it yet; this installs it: $line" >&2
  exit 1
fi

if [ "$(id -u)" = 0 ]; then
  echo "Installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt apt-get install -y --no-install-recommends "${missing[@]}" && exit 0
fi
echo "Missing: ${missing[*]}. This installs them: $line" >&2
exit 1
