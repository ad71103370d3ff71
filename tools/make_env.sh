#!/usr/bin/env bash
# Builds or updates .venv; does nothing when it is up to date. Called by the Makefile: `make env`.
# .venv/ganlib-env says which files it was built from, or "building" while that is still going on.
# tools/fronts calls it with another folder, other constraints ("" for the newest of everything) and other extras.
set -euo pipefail
cd "$(dirname "$0")/.."

CPU_INDEX=https://download.pytorch.org/whl/cpu
venv=${1-.venv}
constraints=${2-constraints.txt}
extras=${3-lab,test,site,sweep}
state=$venv/ganlib-env
py=$venv/bin/python

say() { printf 'ganlib: %s\n' "$*"; }
die() { { echo; printf 'ganlib: %s\n' "$@"; } >&2; exit 1; }

is_new_enough() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# A Python of 3.11 or newer: the one that was asked for, else python3, else a newer one beside it.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    local asked=${PYTHON:-python3} found="was not found"
    if command -v "$asked" >/dev/null; then
        found="is $("$asked" --version 2>&1) ($(command -v "$asked"))"
    fi
    die "Python 3.11 or newer is needed, but $asked $found." \
        "Install a newer Python, or name one that you have: make env PYTHON=/path/to/python3.12"
}

has_nvidia_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }

# The alarm also ends a look-up of the name that hangs, which the time limit of urlopen does not.
answers() {
    "$py" -c '
import signal, sys, urllib.request
signal.alarm(6)
urllib.request.urlopen(sys.argv[1] + "/torch/", timeout=5).read(1)' "$1" >/dev/null 2>&1
}

pip_install() {
    local quiet=-q
    [ ! -t 1 ] || quiet=
    "$py" -m pip install --disable-pip-version-check $quiet "$@"
}

# torch alone and first: a bare `pip install torch` on Linux is a CUDA build of 3 GB.
install_torch() {
    local torch=torch
    [ -z "$constraints" ] || torch=$(grep '^torch==' "$constraints")
    if [ "$(uname -s)" = Linux ] && ! has_nvidia_gpu && answers $CPU_INDEX; then
        say "installing $torch, the CPU build (about 200 MB)"
        pip_install --no-deps --index-url $CPU_INDEX "$torch" && return
    fi
    say "installing $torch"
    pip_install --no-deps "$torch"
}

wanted="$({ sed '/^\[tool\.ganlib\]/q' pyproject.toml; cat ${constraints:+"$constraints"} tools/make_env.sh; } | cksum) $PWD"
if [ -n "$constraints" ] && [ "$(cat $state 2>/dev/null || true)" = "$wanted" ] && "$py" -c '' 2>/dev/null; then
    exit 0
fi

python=$(find_python)
"$python" -c 'import ensurepip, venv' 2>/dev/null || die \
    "$python cannot make virtual environments: its modules venv and ensurepip are missing." \
    "On Debian and Ubuntu: sudo apt-get install $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"

if [ "$(cat $state 2>/dev/null || true)" = building ]; then
    say "the last build of $venv was interrupted: starting afresh"
    rm -rf $venv
elif [ -e $venv ] && ! is_new_enough "$py"; then
    say "$venv is broken or older than Python 3.11: starting afresh"
    rm -rf $venv
fi
mkdir -p $venv
echo building >$state
if [ -x "$py" ]; then
    say "updating $venv"
else
    say "making $venv with $("$python" --version) ($python)"
    "$python" -m venv $venv
fi
"$py" -m pip --version >/dev/null 2>&1 || "$py" -m ensurepip >/dev/null
install_torch
if [ -n "$constraints" ]; then
    say "installing the rest, at the versions of $constraints (a minute or three)"
    pip_install -c "$constraints" -e ".[$extras]"
else
    say "installing the rest, the newest of everything (a minute or three)"
    pip_install --upgrade --upgrade-strategy eager -e ".[$extras]"
fi
echo "$wanted" >$state
say "$venv is ready"
