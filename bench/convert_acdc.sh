#!/usr/bin/env bash
# bench/convert_acdc.sh [ROUNDS]
#
# The ACDC patients of MEDSWEEP_TEST_DATA (else ../shared/data) into HDF5: `runner prepare acdc` with
# two threads, which also reads back and compares all that it wrote and flushes it to the disk, and a
# nibabel + h5py script (bench/convert_acdc.py) in one process, which does neither. Both as a user
# runs them, from the start of the process to its end.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-5}
need_build runner
need_peers
SOURCE=${MEDSWEEP_TEST_DATA:-../shared/data}/acdc/training
[ -d "$SOURCE" ] || { echo "no $SOURCE; MEDSWEEP_TEST_DATA names a folder with acdc/" >&2; exit 77; }

seconds_of() { # command
  local started=$EPOCHREALTIME
  "$@" >/dev/null
  awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.3f\n", b - a}'
}
ours() {
  rm -f "$WORK/ours.h5"
  seconds_of "$BUILD/runner" prepare acdc --source "$SOURCE" --output "$WORK/ours.h5" --threads 2
}
theirs() {
  rm -f "$WORK/theirs.h5"
  seconds_of "$PYTHON" bench/convert_acdc.py "$SOURCE" "$WORK/theirs.h5"
}

ours >/dev/null; theirs >/dev/null # files in the page cache
for _ in $(seq "$ROUNDS"); do
  ours >>"$WORK/ours"
  theirs >>"$WORK/theirs"
done
ours=$(median <"$WORK/ours") theirs=$(median <"$WORK/theirs")
ratio=$(divide "$theirs" "$ours")
printf 'ours %.2f s (%s bytes)  nibabel + h5py %.2f s (%s bytes)  ratio %s  bar >= 3  %s\n' "$ours" \
  "$(stat -c %s "$WORK/ours.h5")" "$theirs" "$(stat -c %s "$WORK/theirs.h5")" "$ratio" "$(verdict "$ratio" '>=' 3)"
