#!/usr/bin/env bash
# What the commands answer: exit statuses, messages that name what was meant, JSON for scripts.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
make_phantom phantom.h5
tiny_study tiny 1 1

# json QUERY COMMAND...: it answers with JSON of which the query is true.
json() {
  local query=$1
  shift
  expect 0 "$runner" "$@" --format json
  jq -e "$query" out >/dev/null || fail "no JSON with $query from: $*"
}

# Mistakes of the command line and of the study: 2, and what was meant.
expect 2 "$runner"
says out Usage
expect 2 "$runner" nosuch
expect 2 "$runner" list modle
says err "did you mean 'model'"
expect 2 "$runner" prepare fantom --output x.h5
says err "did you mean 'phantom'"
expect 2 "$runner" prepare drive --output x.h5
says err --source
expect 2 "$runner" inspect nosuch.h5
expect 2 "$runner" plan nosuch.toml
expect 2 "$runner" --sweep nosuch.toml
expect 2 "$runner" table nosuch
says err neither
expect 2 "$runner" table tiny.toml --format pdf
says err markdown
expect 2 "$runner" remove nosuch
expect 2 "$runner" run tiny.toml --extend --frozen
expect 2 "$runner" run tiny.toml --ranks-per-trial 0
expect 2 "$runner" run tiny.toml --ranks-per-trial 2
says err '1...1 is allowed'
expect 2 "$runner" run tiny.toml --set epoch=3
says err "did you mean 'epochs'"
expect 2 "$runner" run tiny.toml --set optimizer=adamm
says err "did you mean 'adam'"
expect 2 "$runner" run tiny.toml --only augmentation=flop
expect 2 $(ranks 2) "$runner" run tiny.toml --set epoch=3
[ "$(grep -c "did you mean 'epochs'" err)" = 1 ] || fail "each rank says it"
printf 'damaged' >damaged.h5
expect 2 "$runner" inspect damaged.h5
expect 0 "$runner" --version
expect 0 "$runner" --help
says out 'Exit status'

# Before anything ran.
rm -rf runs
json '.trials | length == 2' plan tiny.toml
json '.trials | length == 1' plan tiny.toml --only augmentation=none
json '.trials[0].knobs.epochs == 7' plan tiny.toml --set epochs=7
json '.left == 2 and .done == 0' status tiny.toml
json 'length == 1' table tiny.toml
json 'length > 10' list
json 'map(.name) | contains(["unet", "retina_unet", "sa_unet"])' list model
json 'map(.name) | contains(["epochs", "batch_size"])' list knobs
json '(.[0].name == "enc1_1.0.weight") and (.[0].shape == [64, 3, 3, 3]) and (last.trained | not)' \
  list model --keys retina_unet
expect 0 "$runner" list models --keys unet --set model.width=32 loss=bce
says out '7763041 parameters'
expect 0 "$runner" list model --keys unet --set attention.name=se
says out 'attention.encoder0'
for name in unet3d vnet deepmedic; do expect 0 "$runner" list model --keys $name; done
expect 2 "$runner" list model --keys unnet
says err "did you mean 'unet'?"
expect 2 "$runner" list loss --keys unet
json '.samples == 32 and (.classes | length == 3)' inspect phantom.h5
json '.findings | length > 5' doctor
json '.findings[] | select(.topic == "ranks") | .value | test("^1 on 1 node")' doctor
expect 0 "$runner" --sweep tiny.toml --dry-run
says out '2 of 2 trials would be run'
[ ! -e runs ] || fail "asking left something behind"

# One of two trials, with an epoch of its own number: recorded, and what is left stays visible.
expect 0 "$runner" run --only augmentation=none tiny.toml
says out missing
json '.done == 1 and .left == 1' status tiny.toml
expect 0 "$runner" run tiny.toml --dry-run
says out '1 of 2 trials would be run'
records runs/tiny study | grep -qF '"--only","augmentation=none"' || fail "--only is not recorded"
expect 0 "$runner" run tiny.toml
json '.done == 2 and .left == 0' status tiny.toml

# The table's forms.
for form in terminal markdown csv latex html; do expect 0 "$runner" table tiny.toml --format $form; done
expect 0 "$runner" table tiny.toml --format markdown
grep -q '^| *augmentation *|' out || fail "no Markdown"
expect 0 "$runner" table tiny.toml --format csv
[ "$(grep -c ',dice,' out)" = 2 ] || fail "no CSV"
expect 0 "$runner" table tiny.toml --format latex
says out '\begin{tabular}'
expect 0 "$runner" table tiny.toml --format html
says out '<table'
json '[.[].rows[].cells[].mean] | length == 4 and all(. != null)' table tiny.toml
json 'length == 1' table tiny    # its name is enough

# What was trained, as a page.
expect 0 "$runner" zoo tiny.toml
says out 'runner --sweep tiny.toml'
grep -q '^| *augmentation *|' out || fail "no table in the zoo"
for weights in runs/tiny/trials/*/checkpoints; do
  says out "$(sha256sum "$(ls -d "$weights"/step-* | tail -n 1)/model.safetensors" | cut -d ' ' -f 1)"
done

# The study means something else now: nothing runs until somebody says what is meant.
sed -i 's/"none", "flip_rotate"/"none", "flip_rotate", "noise"/' tiny.toml
expect 2 "$runner" run tiny.toml
says err '1 new'
says err noise
says err --extend
says err --frozen
[ "$(count_records runs/tiny attempt)" = 2 ] || fail "it ran all the same"
expect 0 "$runner" run tiny.toml --frozen --dry-run
says out '0 of 2 trials would be run'
expect 0 "$runner" run tiny.toml --extend
json '.done == 3' status tiny.toml
[ "$(count_records runs/tiny attempt)" = 3 ] || fail "an old trial was run again"
expect 0 "$runner" run tiny.toml

# Results in several folders: written to the first, used from all.
MEDSWEEP_RUNS=more:runs expect 0 "$runner" run tiny.toml
[ ! -d more/tiny/trials ] || fail "results of another folder were not used"
expect 0 "$runner" table tiny.toml --runs runs
cp out table
expect 0 "$runner" table tiny.toml --runs more:runs
cmp out table || fail "another table"

# Cleaning up says what it would do, and does it when told.
expect 0 "$runner" archive tiny --output tiny.tar.gz
[ "$(tar -tzf tiny.tar.gz | grep -c 'model.safetensors$')" -ge 3 ] || fail "no weights in the archive"
expect 0 "$runner" gc tiny
says out 'nothing was removed'
expect 0 "$runner" gc tiny --yes
for trial in runs/tiny/trials/*; do
  [ "$(ls "$trial/checkpoints" | wc -l)" = 1 ] || fail "not one checkpoint is left of $trial"
done
expect 0 "$runner" table tiny.toml --runs runs
cmp out table || fail "gc changed the table"
expect 0 "$runner" remove tiny --trial "$(ls runs/tiny/trials | head -n 1)" --yes
json '.done == 2 and .left == 1' status tiny.toml
rm -r more
expect 0 "$runner" remove tiny --yes
[ ! -e runs/tiny ] || fail "the study is still there"
