#!/usr/bin/env bash
# bench/weak_scaling.sh [ROUNDS [STEPS]]
#
# Two ranks with one thread and one core each train a 7.8 M U-Net (2x3x256x256 a rank, synchronised
# batch normalisation), in turn each by itself at the same time, and together.
# efficiency = median over the rounds of seconds alone / seconds together.
cd "$(dirname "$0")/.." && . bench/common.sh
readonly ROUNDS=${1:-9} STEPS=${2:-3}
need_build bench_weak_scaling
export OMP_NUM_THREADS=1
if [ "$(id -u)" = 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi

for precision in fp32 bf16; do
  mpirun --bind-to core -n 2 "$BUILD/bench_weak_scaling" "$precision" "$ROUNDS" "$STEPS" >"$WORK/rounds"
  efficiency=$(awk '{print $1 / $2}' "$WORK/rounds" | median)
  printf '%s  alone %.4f s  two ranks %.4f s a step  efficiency %.3f  bar >= 0.95  %s  (rounds %s)\n' "$precision" \
    "$(column 1 "$WORK/rounds" | median)" "$(column 2 "$WORK/rounds" | median)" "$efficiency" \
    "$(verdict "$efficiency" '>=' 0.95)" "$(awk '{printf "%s%.2f", (NR > 1 ? " " : ""), $1 / $2}' "$WORK/rounds")"
done
