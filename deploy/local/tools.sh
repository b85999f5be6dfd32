#!/usr/bin/env bash
# Sees to it that programs of the system are there: installs them as root on Debian or Ubuntu, else says the line that does.
# nats-server, and the library that the wheel's mongod asks for, need no root: their packages are unpacked under .local/.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

present() {
  case "$1" in
    chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
    fonts-wqy-microhei) find /usr/share/fonts /usr/local/share/fonts ~/.fonts -iname 'wqy-microhei*' 2>/dev/null | grep -m1 . ;;
    nats-server) command -v nats-server || [ -x "$root/.local/debian/usr/sbin/nats-server" ] ;;
    libcurl4) /sbin/ldconfig -p | grep libcurl.so.4 || ls "$root"/.local/debian/usr/lib/*/libcurl.so.4 ;;
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

unpack() {
  # Later releases call the library libcurl4t64.
  apt apt-get download "$1" || { [ "$1" = libcurl4 ] && apt apt-get download libcurl4t64; } || return 1
  mkdir -p "$root/.local/debian"
  dpkg -x "$1"*.deb "$root/.local/debian"
}

rest=()
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" && cd "$work"
for name in "${missing[@]}"; do
  case "$name" in
    nats-server | libcurl4)
      unpack "$name" && continue
      echo "$name is missing, and apt-get cannot fetch it yet; this installs it: $line" >&2
      exit 1
      ;;
    *) rest+=("$name") ;;
  esac
done
[ "${#rest[@]}" = 0 ] && exit 0
missing=("${rest[@]}")
line="sudo apt-get update && sudo apt-get install -y ${missing[*]}"
cd "$root"

if [ "$(id -u)" = 0 ]; then
  echo "Installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt apt-get install -y --no-install-recommends "${missing[@]}" && exit 0
fi
echo "Missing: ${missing[*]}. This installs them: $line" >&2
exit 1
