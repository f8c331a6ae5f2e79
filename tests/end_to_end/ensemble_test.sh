#!/usr/bin/env bash
# A study's [[ensemble]]s are made after its trials, on any number of ranks, once, and go on after a
# stop; they stand in the table, and what is made of them follows the study's housekeeping.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
make_phantom phantom.h5
expect 0 "$runner" prepare phantom --output more.h5 --patients 24 --slices 6 --size 64 --seed 1

# bagged_study FILE EPOCHS: two trials over seeds, judged by their validation and by more.h5.
bagged_study() {
  cat >"$1" <<STUDY
name = "bagged"
[trial]
dataset = "phantom.h5"
model = { name = "unet", width = 4, depth = 3 }
color_mode = "gray"
epochs = $2
batch_size = 8
precision = "fp32"
metrics = ["dice"]
optimizer = { name = "adam", learning_rate = 0.01 }
[repeat]
seeds = [0, 1]
[split]
validation = 0.25
[evaluate]
datasets = ["more.h5"]
[[table]]
rows = ["model"]
where = { split = "validation" }
metrics = ["dice"]
[[table]]
rows = ["model"]
metrics = ["dice"]
STUDY
}
bagged_study trials.toml 4
{ cat trials.toml; printf '[[ensemble]]\nname = "bag"\nover = "seed"\nmethod = "mean"\n'; } >bagged.toml

# ensemble_values RUNS: the numbers of the ensemble, sorted, without times.
ensemble_values() {
  local identity
  identity=$(records "$1/bagged" trial | jq -r 'select(.name == "bag") | .trial' | tail -n 1)
  records "$1/bagged" value | jq -Sc "select(.trial == \"$identity\") | del(.time, .crc)" | sort -u
}
done_ensembles() { records "$1/bagged" done | jq -r 'select(.epochs == 0) | .trial' | wc -l; }
journals() { ls "$1/bagged/journal" | wc -l; }
has_journals() { [ "$(journals "$1")" -ge "$2" ]; }
is_claimed() { ls "$1"/bagged/trials/*/claim >/dev/null 2>&1; }

# The study says what will be made of it, and makes it without a further command.
expect 0 "$runner" plan bagged.toml
says out 'ensemble bag: mean of 2 trials, made when they are finished'
expect 0 "$runner" plan bagged.toml --only seed=0
says out 'ensemble bag: mean of 2 trials'
expect 0 "$runner" plan bagged.toml --format json
jq -e '.ensembles == [{"name": "bag", "method": "mean", "trials": ["unet+bn-s0", "unet+bn-s1"]}]' out >/dev/null ||
  fail "the plan's ensembles"
expect 0 "$runner" --runs one run bagged.toml --dry-run
says out 'ensemble bag would be made'
expect 0 "$runner" --runs one run bagged.toml
[ "$(grep -c '^unet+bn + bag ' out)" = 2 ] || fail "not a row of the ensemble in both tables"
! grep -q 'no value' out || fail "a field without numbers"
cp out table
[ "$(ensemble_values one | jq -s '[.[] | select(.dataset == "more.h5" and .sample != "")] | map(.sample) | unique | length')" = 48 ] ||
  fail "not judged by all cases of more.h5"
[ "$(ensemble_values one | jq -s '[.[] | select(.dataset == "" and .sample != "")] | map(.sample) | unique | length')" = 2 ] ||
  fail "not judged by the cases of validation"
[ "$(ensemble_values one | jq -s '[.[] | select(.metric == "dice" and .value > 0 and .value < 1)] | length')" -gt 9 ] ||
  fail "numbers that tell nothing"
grep -q '^\[\[ensemble\]\]' one/bagged/study.toml || fail "the ensemble is not frozen"
expect 0 "$runner" --runs one status bagged.toml
says out '1 ensembles, 1 done, 0 pending'

# It is not made again, and its numbers do not depend on the ranks that share the cases.
expect 0 "$runner" --runs one run bagged.toml
cmp out table || fail "another table"
[ "$(done_ensembles one)" = 1 ] || fail "the ensemble was made twice"
[ -z "$(find one -name 'claim*')" ] || fail "claims are left behind"
expect 0 $(ranks 2) "$runner" --runs two --sweep bagged.toml
cmp out table || fail "another table of two ranks"
[ "$(ensemble_values one)" = "$(ensemble_values two)" ] || fail "other numbers of two ranks"

# A rank of the job in this folder: its process id.
one_rank() {
  local process
  for process in /proc/[0-9]*; do
    [ "$process/exe" -ef "$runner" ] && [ "$process/cwd" -ef "$work" ] && echo "${process#/proc/}" && return
  done
}

# Trials without the ensemble, then stopped and killed between the two: the next start makes it.
expect 0 "$runner" --runs trained run trials.toml
expect 0 "$runner" --runs trained gc bagged --yes
for case in 'USR1 75 1 between' 'INT 75 1 while' 'KILL 137 1 while' 'USR1 75 2 while' 'KILL 137 2 while'; do
  read -r signal status ranks when <<<"$case"
  echo "$signal on $ranks ranks, $when"
  rm -rf stopped && cp -r trained stopped
  start $(ranks "$ranks") "$runner" --runs stopped --sweep bagged.toml
  if [ "$when" = while ]; then wait_until is_claimed stopped; else wait_until has_journals stopped 2; fi
  if [ "$signal" = KILL ]; then kill -KILL "$(one_rank)"; else kill "-$signal" "$started"; fi
  ended "$status"
  [ "$signal" = KILL ] || says out "stopped by SIG$signal"
  wait_until nobody_runs
  [ "$(done_ensembles stopped)" = 0 ] || fail "it was to be stopped before the ensemble was made"
  expect 0 "$runner" --runs stopped status bagged.toml
  says out '0 left'
  says out 'pending  bag'
  expect 0 $(ranks "$ranks") "$runner" --runs stopped --sweep bagged.toml
  cmp out table || fail "another table"
  [ "$(done_ensembles stopped)" = 1 ] || fail "the ensemble was not made once"
  [ "$(ensemble_values one)" = "$(ensemble_values stopped)" ] || fail "other numbers after a stop"
done
[ "$(count_records stopped/bagged attempt)" = 2 ] || fail "a trial was trained again"

# Another [[ensemble]] asks nothing; --frozen keeps the old one.
sed 's/"mean"/"union"/' bagged.toml >other.toml
expect 0 "$runner" --runs stopped run other.toml --frozen
cmp out table || fail "another table of the frozen study"
expect 0 "$runner" --runs stopped run other.toml
[ "$(grep -c '^unet+bn + bag ' out)" = 2 ] || fail "no rows of the other ensemble"
[ "$(done_ensembles stopped)" = 2 ] || fail "the other ensemble was not made"
expect 0 "$runner" --runs stopped run bagged.toml
cmp out table || fail "another table of the first ensemble"
[ "$(done_ensembles stopped)" = 2 ] || fail "the first ensemble was made again"

# More epochs are other trials to make it of.
bagged_study longer.toml 5
sed -n '/ensemble/,$p' bagged.toml >>longer.toml
expect 0 "$runner" --runs stopped run longer.toml --extend
[ "$(done_ensembles stopped)" = 3 ] || fail "the ensemble was not made of the longer trials"
expect 0 "$runner" --runs stopped table longer.toml
[ "$(grep -c '^unet+bn + bag ' out)" = 2 ] || fail "not one row of the ensemble"

# A member that failed: said in a line, while what is finished stands.
cat >failing.toml <<'STUDY'
name = "failing"
[trial]
dataset = "phantom.h5"
model = { name = "unet", width = 4, depth = 3 }
color_mode = "gray"
epochs = 1
batch_size = 8
precision = "fp32"
metrics = ["dice"]
optimizer = "sgd"
[axes]
"optimizer.learning_rate" = [0.01, 1e38]
[repeat]
seeds = [0, 1]
[split]
validation = 0.25
[[ensemble]]
name = "bag"
over = "seed"
method = "vote"
STUDY
expect 3 "$runner" run failing.toml
[ "$(grep -c 'is not made: trial .* failed' out)" = 1 ] || fail "no line for the ensemble whose trial failed"
expect 0 "$runner" status failing.toml
says out '2 ensembles, 1 done, 1 pending'
expect 0 "$runner" status failing.toml --format json
jq -e '[.ensembles[].state] == ["done", "pending"]' out >/dev/null || fail "the ensembles' states"

# Archived with the study, removed by its name or with the study.
expect 0 "$runner" --runs one archive bagged --output bagged.tar.gz
mkdir unpacked && tar -xzf bagged.tar.gz -C unpacked
expect 0 "$runner" --runs unpacked table bagged.toml
cmp out table || fail "another table out of the archive"
expect 0 "$runner" --runs one remove bagged --trial bag --yes
expect 0 "$runner" --runs one status bagged.toml
says out 'pending  bag'
expect 0 "$runner" --runs one run bagged.toml
cmp out table || fail "another table after the ensemble was removed"
expect 0 "$runner" --runs one remove bagged --yes
[ ! -e one/bagged ] || fail "the study is still there"

# What cannot be made is refused before anything is trained.
sed 's/over = "seed"/over = "dataset"/' bagged.toml >refused.toml
expect 2 "$runner" --runs never run refused.toml
says err 'nothing varies over "dataset"'
expect 2 $(ranks 2) "$runner" --runs never run refused.toml
expect 2 "$runner" plan refused.toml
sed -e 's/"mean"/"vote"\nminimum_votes = 3/' bagged.toml >refused.toml
expect 2 "$runner" --runs never run refused.toml
sed -e 's/name = "bag"/name = "unet+bn-s0"/' bagged.toml >refused.toml
expect 2 "$runner" --runs never run refused.toml
says err "'unet+bn-s0' is a trial"
[ ! -e never ] || fail "a refused study was begun"
