#!/usr/bin/env bash
# Prepare a Debian 12 machine: Debian packages, a virtual environment in .venv, asicflow in it.
#
#   ./setup.sh          what a run needs
#   ./setup.sh --dev    and what the tests need
#
# PYTHON=... names another Python 3.11+ (it must have tkinter). Running it again is cheap.
set -euo pipefail
cd "$(dirname "$0")"

extras=""
case "${1:-}" in
  "") ;;
  --dev) extras="[dev]" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

# verilator, g++, make: simulation and hls4ml's C simulation; opensta: timing; python3-tk: the Tcl
# interpreter of the synthesis scripts; iverilog: run from power-up with unknown registers. Tests:
# gcc-arm-none-eabi, libnewlib-arm-none-eabi: compiled programs on the processor core; chromium: the report in
# a browser; klayout: the application that runs foundry decks.
packages=(python3 python3-venv python3-tk g++ make perl opensta verilator iverilog)
[ -n "$extras" ] && packages+=(git gcc-arm-none-eabi libnewlib-arm-none-eabi chromium klayout)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "installing Debian packages: ${missing[*]}"
  run=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "error: install as root: apt-get install ${missing[*]}" >&2; exit 4; }
    run=(sudo)
  fi
  "${run[@]}" apt-get update -qq
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

python=${PYTHON:-/usr/bin/python3}
"$python" - <<'CHECK' || { echo "error: $python must be Python 3.11 or newer with tkinter; set PYTHON" >&2; exit 4; }
import sys
import tkinter
sys.exit(sys.version_info < (3, 11))
CHECK

[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "installing Python packages into .venv"
.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".$extras"
echo "ready: .venv/bin/asicflow"
