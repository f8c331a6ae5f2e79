#!/usr/bin/env bash
# Two sweeps of one study write into one folder at once: no trial is trained twice, nothing is lost.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
make_phantom phantom.h5
tiny_study tiny 1 3
echo '[repeat]
seeds = [0, 1, 2]' >>tiny.toml
expect 0 "$runner" --runs alone --sweep tiny.toml
cp out table

"$runner" --sweep tiny.toml >first.out 2>first.err &
first=$!
"$runner" --sweep tiny.toml >second.out 2>second.err &
second=$!
for sweep in $first $second; do
  status=0
  wait $sweep || status=$?
  # 3: the other one was still training a trial when this one had nothing left to do.
  [ $status = 0 ] || [ $status = 3 ] || { cat first.err second.err >&2; fail "exit status $status"; }
done

[ "$(ls runs/tiny/journal | wc -l)" = 2 ] || fail "a journal has two writers"
sound_journals runs/tiny
[ "$(count_records runs/tiny attempt)" = 6 ] || fail "$(count_records runs/tiny attempt) attempts at 6 trials"
[ "$(count_records runs/tiny done)" = 6 ] || fail "$(count_records runs/tiny done) of 6 trials done"
for journal in runs/tiny/journal/*; do
  grep -q '"type":"done"' "$journal" || fail "one sweep did all the work"
done
same_weights alone/tiny runs/tiny

for _ in first second; do
  expect 0 "$runner" --sweep tiny.toml
  cmp out table || fail "another table"
done
[ "$(count_records runs/tiny attempt)" = 6 ] || fail "a trial was trained twice"
[ -z "$(find runs -name '*.stale' -o -name '*.now' -o -name 'claim*')" ] || fail "claims are left behind"
