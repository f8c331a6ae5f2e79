#!/usr/bin/env bash
# bench/loader.sh [ROUNDS]
#
# Reading: compressed slices against h5py with torch's DataLoader and against H5Dread, uncompressed images
# against pread, a patch against its volume, and what a 50 GB file takes of memory. Files of 1.3 GB (and a
# sparse one) are made in a temporary folder.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-5}
need_build bench_loader
need_peers
"$BUILD/bench_loader" make "$WORK"

for _ in $(seq "$ROUNDS"); do
  "$BUILD/bench_loader" slices "$WORK/slices.h5" 2 >>"$WORK/ours"
  "$PYTHON" bench/loader.py "$WORK/slices.h5" >>"$WORK/theirs"
  "$BUILD/bench_loader" library "$WORK/slices.h5" >>"$WORK/library"
  "$BUILD/bench_loader" batches "$WORK/plain.h5" 1 >>"$WORK/batches"
  "$BUILD/bench_loader" pread "$WORK/plain.h5" 1 >>"$WORK/pread"
  "$BUILD/bench_loader" box "$WORK/volume.h5" >>"$WORK/box"
  "$BUILD/bench_loader" big "$WORK/big.h5" >>"$WORK/big"
done

report() { # what, value, how, bar
  printf '%-58s %8s  bar %s %-6s %s\n' "$1" "$2" "$3" "$4" "$(verdict "$2" "$3" "$4")"
}
ours=$(median <"$WORK/ours")
echo "slices a second: ours $ours (2 threads), h5py + DataLoader $(median <"$WORK/theirs") (2 workers), H5Dread $(median <"$WORK/library") (1 thread)"
report "compressed slices, against h5py + DataLoader" "$(divide "$ours" "$(median <"$WORK/theirs")")" '>=' 5
report "compressed slices, against H5Dread" "$(divide "$ours" "$(median <"$WORK/library")")" '>=' 2
report "uncompressed float32 512^2 in batches, against pread" \
  "$(divide "$(median <"$WORK/batches")" "$(median <"$WORK/pread")")" '>=' 0.9
report "a 128^3 patch, against its 512x512x800 volume" \
  "$(awk '{print $1 / $2}' "$WORK/box" | median)" '<=' 0.05
report "MB beyond the batches, patches of a 50 GB file" "$(median <"$WORK/big")" '<=' 300
