#!/usr/bin/env bash
# bench/augmentation.sh [ROUNDS [BATCHES]]
#
# flip_rotate, elastic and brightness, each on every sample, on 512x512 float32 images with labels:
# two threads of ours against torchvision v2 and MONAI in a DataLoader with two workers; samples a
# second, in turn.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-7} BATCHES=${2:-16} SIZE=512 BATCH=4
need_build bench_augmentation
need_peers

for channels in ${CHANNELS:-1 3}; do
  start ours "$BUILD/bench_augmentation" "$SIZE" "$channels" "$BATCH"
  start torchvision "$PYTHON" bench/augmentation.py torchvision "$SIZE" "$channels" "$BATCH"
  start monai "$PYTHON" bench/augmentation.py monai "$SIZE" "$channels" "$BATCH"
  rm -f "$WORK"/rounds.*
  for round in $(seq 0 "$ROUNDS"); do # round 0 warms up
    for name in ours torchvision monai; do
      rate=$(ask "$name" "$BATCHES")
      [ "$round" = 0 ] || echo "$rate" >>"$WORK/rounds.$name"
    done
  done
  ours=$(median <"$WORK/rounds.ours")
  for name in torchvision monai; do
    theirs=$(median <"$WORK/rounds.$name")
    ratio=$(divide "$ours" "$theirs")
    printf '%s channels  ours %.0f samples/s  %s %.0f samples/s  ratio %s  bar >= 3  %s\n' \
      "$channels" "$ours" "$name" "$theirs" "$ratio" "$(verdict "$ratio" '>=' 3)"
  done
  for name in ours torchvision monai; do stop "$name"; done
done
