#!/usr/bin/env bash
# The last line of a journal is cut: that record is lost, every other one counts, the sweep goes on.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
make_phantom phantom.h5
tiny_study tiny 1 3
expect 0 "$runner" --sweep tiny.toml
cp out table
journal=$(echo runs/tiny/journal/*.jsonl)
[ "$(tail -n 1 "$journal" | jq -r .type)" = done ] || fail "the last record is not the last trial's end"

truncate -s -20 "$journal"
lines=$(wc -l <"$journal")
expect 0 "$runner" status tiny.toml --format json
[ "$(jq '.done' out)" = 1 ] || fail "a record that was cut still counts"

expect 0 "$runner" --sweep tiny.toml
cmp out table || fail "another table"
[ "$(wc -l <"$journal")" = "$lines" ] || fail "another writer's journal was touched"
sound_journals runs/tiny 1
[ "$(count_records runs/tiny done)" = 2 ] || fail "both trials were to be finished"
[ "$(records runs/tiny epoch | jq -s 'map([.trial, .epoch]) | length == (unique | length)')" = true ] ||
  fail "an epoch was trained twice"

# A line damaged in the middle costs that line alone.
journal=$(ls -S runs/tiny/journal/*.jsonl | head -n 1)
sed -i '0,/"metric":"dice"/s//"metric":"dime"/' "$journal"
expect 0 "$runner" --sweep tiny.toml
cmp out table || fail "another table"
