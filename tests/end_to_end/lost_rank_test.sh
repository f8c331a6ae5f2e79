#!/usr/bin/env bash
# SIGKILL of one rank in the middle of an epoch: the job ends, its journal is sound, the next start
# goes on to the same end.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
make_phantom phantom.h5
tiny_study tiny 2 6
run="$(ranks 2) $runner --sweep tiny.toml --only augmentation=none"
expect 0 $run --runs reference
trial=$(ls reference/tiny/trials)

ranks_of_job() {    # process ids of the runners in this folder
  local process
  for process in /proc/[0-9]*; do
    [ "$process/exe" -ef "$runner" ] && [ "$process/cwd" -ef "$work" ] && echo "${process#/proc/}"
  done
}

# lose WHICH RUNS: the first or the last of the two ranks.
lose() {
  start $run --runs "$2"
  wait_until has_step "$2/tiny" "$trial" 8
  kill -KILL "$(ranks_of_job | sort -n | "$1" -n 1)"
  ended 137
  wait_until nobody_runs
  sound_journals "$2/tiny" 1
  [ "$(count_records "$2/tiny" done)" = 0 ] || fail "the trial ended before its rank was lost"
  expect 0 $run --runs "$2"
  [ "$(records "$2/tiny" attempt | tail -n 1 | jq .resumed_from_step)" -ge 8 ] || fail "not resumed"
  same_weights reference/tiny "$2/tiny"
}

lose head lost-leader
lose tail lost-follower
