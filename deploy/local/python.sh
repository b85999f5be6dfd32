#!/usr/bin/env bash
# Makes .venv from the hashed requirements. A Python of 3.11 or later is all that it needs.
set -euo pipefail
cd "$(dirname "$0")/../.."

fits() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ ! -x .venv/bin/python ]; then
  python=""
  for name in "${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14; do
    if fits "$name"; then python=$name; break; fi
  done
  if [ -z "$python" ]; then
    echo "Python 3.11 or later is missing; name it by: make PYTHON=/path/to/python3" >&2
    exit 1
  fi
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    bash deploy/local/tools.sh "$package"
  fi
  "$python" -m venv .venv
fi

# The files are whole: pip need not look for dependencies, and must not, since for one with an extra it takes the newest
# release, which no hash knows. What is imported is compiled then, and most is not.
pip=(.venv/bin/python -m pip install --quiet --require-hashes --no-deps --no-compile)
echo "Installing the hashed requirements into .venv (once; some minutes)."
"${pip[@]}" -r requirements/dev.txt
.venv/bin/python -m pip check
"${pip[@]}" -r requirements/mongod.txt
