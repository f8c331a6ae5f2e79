# What the benches share; sourced, with the repository's root as the current folder.
# shellcheck shell=bash

set -euo pipefail
BUILD=${MEDSWEEP_BUILD:-build}
PYTHON=${MEDSWEEP_PEERS_PYTHON:-${XDG_CACHE_HOME:-$HOME/.cache}/medsweep/peers/bin/python}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/medsweep-bench.XXXXXX")
ENDED=()

finish() {
  local pid
  for pid in "${ENDED[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$WORK"
}
trap finish EXIT

need_build() { # targets: makes them where they are not there or old; MEDSWEEP_NO_BUILD: takes what is there
  [ -z "${MEDSWEEP_NO_BUILD:-}" ] || return 0
  ninja -C "$BUILD" "$@" >"$WORK/ninja.log" || { cat "$WORK/ninja.log" >&2; exit 1; }
}

need_peers() {
  export PYTHONPATH=$PWD/tests/golden
  [ -x "$PYTHON" ] || { echo "no $PYTHON; ./bootstrap peers makes it" >&2; exit 1; }
}

# numbers on stdin, one a line -> their median
median() {
  sort -g | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}

column() { awk -v column="$1" '{print $column}' "$2"; } # of a file of numbers
divide() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.3f", a / b}'; }

verdict() { # value, ">=" or "<=", bar -> pass or miss
  awk -v a="$1" -v how="$2" -v b="$3" 'BEGIN {print (how == ">=" ? a >= b : a <= b) ? "pass" : "miss"}'
}

# A program that answers lines: `start NAME COMMAND...`, wait for its "ready", `ask NAME TEXT`.
declare -A TO FROM
start() {
  local name=$1 to from
  shift
  mkfifo "$WORK/$name.to" "$WORK/$name.from"
  "$@" <"$WORK/$name.to" >"$WORK/$name.from" &
  ENDED+=($!)
  exec {to}>"$WORK/$name.to" {from}<"$WORK/$name.from"
  TO[$name]=$to FROM[$name]=$from
  local answer
  read -r answer <&"$from" || { echo "$name did not start" >&2; exit 1; }
}
ask() {
  local answer
  echo "$2" >&"${TO[$1]}"
  read -r answer <&"${FROM[$1]}" || { echo "$1 ended" >&2; exit 1; }
  echo "$answer"
}
stop() {
  local to=${TO[$1]} from=${FROM[$1]}
  exec {to}>&- {from}<&-
  rm "$WORK/$1.to" "$WORK/$1.from"
}
