#!/usr/bin/env bash
# The programs under bench/ still do their step: who measures is not to find them broken.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
build=$MEDSWEEP_BUILD_DIR

# answers REQUEST PROGRAM ARGUMENTS...: it is ready, and answers a request with a positive number first.
answers() {
  local request=$1
  shift
  printf '%s\n' "$request" | "$build/$@" >out 2>err || fail "exit status $? of $*"
  [ "$(head -n 1 out)" = ready ] || fail "$1 is not ready"
  sed -n 2p out | awk '{ exit !($1 > 0) }' || fail "$1 answers $(sed -n 2p out)"
}
answers 1 bench_step bf16 channels_last 1
answers 1 bench_zoo unet3d fp32 1 1 16 16 16
answers 1 bench_mask_rcnn train fp32 1
answers 1 bench_augmentation 64 1 2
answers 'roi_align 64 float32' bench_operators
expect 0 "$build/bench_checkpoint_stall" checkpoints 1 1 1
[ -s out ] || fail "bench_checkpoint_stall says nothing"
expect 0 $(ranks 2) "$build/bench_weak_scaling" fp32 1 1
[ -s out ] || fail "bench_weak_scaling says nothing"
