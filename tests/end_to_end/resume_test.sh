#!/usr/bin/env bash
# Killed or stopped at any step and started again, a sweep ends with the same bits as one that never
# stopped, on 1, 2 and 4 ranks; what is finished is not run again.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
seed_random "${MEDSWEEP_TEST_SEED:-$$}"
epochs=6 steps=30    # 24 samples to train in batches of 5, the last of 4
make_phantom phantom.h5

# interrupt RANKS SIGNAL STATUS...: at a random step of a random trial, then goes on to the end.
interrupt() {
  local ranks=$1 signal=$2 runs=$1-$2 study=tiny$1 trial step command
  shift 2
  tiny_study "$study" "$ranks" $epochs
  local identities=($(trial_identities "$study.toml"))
  trial=$(random 2) step=$(($(random $((steps / 3))) + 1))
  echo "$ranks ranks, $signal at step $step of trial $trial"
  command="$(ranks "$ranks") $runner --runs $runs --sweep $study.toml"
  start $command
  wait_until has_step "$runs/$study" "${identities[$trial]}" $step
  sleep "0.0$(random 10)"
  kill "-$signal" "$started"
  ended "$@"
  sound_journals "$runs/$study" "$ranks"
  if [ "$signal" != KILL ]; then
    [ "$(count_records "$runs/$study" stop)" = 1 ] || fail "no stop in the journal"
    says out "stopped by SIG$signal"
  fi
  [ "$(count_records "$runs/$study" done)" = "$trial" ] || fail "it was to be stopped in trial $trial"
  wait_until nobody_runs
  expect 0 $command
  same_weights "reference$ranks/$study" "$runs/$study"
  cmp "$work/out" "$work/table$ranks" || fail "another table"
  [ "$(count_records "$runs/$study" done)" = 2 ] || fail "a trial was finished more than once"
}

for ranks in 1 2 4; do
  tiny_study tiny$ranks $ranks $epochs
  expect 0 $(ranks $ranks) "$runner" --runs reference$ranks --sweep tiny$ranks.toml
  cp "$work/out" "$work/table$ranks"
done

expect 0 "$runner" --runs reference1 --sweep tiny1.toml    # nothing is left to train
cmp "$work/out" "$work/table1" || fail "another table"
[ ! -s "$work/err" ] || fail "a finished trial was run again"
[ "$(count_records reference1/tiny1 attempt)" = 2 ] || fail "a finished trial was run again"

interrupt 1 KILL 137
interrupt 2 KILL 137
interrupt 4 KILL 137
interrupt 1 USR1 75
interrupt 2 USR1 75
interrupt 1 INT 75
