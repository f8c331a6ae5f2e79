#!/usr/bin/env bash
# A marker in every text of DICOM and NIfTI headers is in nothing that Medsweep writes or says.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
files=$MEDSWEEP_BUILD_DIR/datasets_fast_tests
[ -x "$files" ] || skip "$files is not built; it writes the marked files"
command -v h5dump >/dev/null || skip "h5dump is absent (hdf5-tools)"
markers=(MARKERZQ 19010203 112233.445566 1.2.3.99999.7)
source=$work/from_MARKERZQ/marked out=$work/made
mkdir -p "$source" "$out"

MEDSWEEP_MARKED_FILES=$source expect 0 "$files" --gtest_filter='PrivacyFiles.*'
says out '[  PASSED  ] 1 test.'
for marker in "${markers[@]}"; do
  grep -qaF -- "$marker" "$source/d1.dcm" || fail "$marker is not in the DICOM: the test tests nothing"
done
[ "$(grep -oaF MARKERZQ "$source/n1.nii" | wc -l)" = 6 ] || fail "not six marked texts in the NIfTI"

# said NAME STATUS COMMAND...: what the command says is kept in made/NAME.
said() {
  local name=$1 status=$2
  shift 2
  expect "$status" "$@"
  cat "$work/out" "$work/err" >"$out/$name"
}

cd "$source" || exit 1  # so that no text needs to name the folder
said prepare.txt 0 "$runner" prepare manifest --source manifest.csv --output "$out/marked.h5"
grep -q BurnedInAnnotation "$out/prepare.txt" || fail "no warning of texts in the pixels"
said patients.txt 0 "$runner" prepare manifest --source patients.csv --output "$out/patients.h5"
said rsna.txt 0 "$runner" prepare rsna --source rsna --output "$out/rsna.h5"
for case in 2:frames.dcm 2:colors.dcm 1:short.dcm 1:short.nii; do
  bad=${case#*:}
  said "error-$bad.txt" "${case%%:*}" "$runner" prepare manifest --source "bad/$bad.csv" --output "$out/bad.h5"
  grep -qF "$bad" "$out/error-$bad.txt" || fail "the error does not name $bad"
done
said skipped.txt 0 "$runner" prepare rsna --source rsna --skip-bad --output "$out/rsna.h5"

cd "$out" || exit 1
cat >study.toml <<'STUDY'
name = "study"
[trial]
dataset = "marked.h5"
model = { name = "unet", width = 4, depth = 2 }
color_mode = "gray"
epochs = 1
batch_size = 1
precision = "fp32"
[split]
validation = 1
STUDY
said sweep.txt 0 "$runner" --sweep study.toml
[ "$(count_records runs/study value)" -gt 0 ] || fail "the journal has no values"
for format in terminal markdown csv json html latex; do
  said "table.$format" 0 "$runner" table study.toml --format "$format"
done
said status.txt 0 "$runner" status study.toml
said plan.json 0 "$runner" plan study.toml --format json
for file in marked patients rsna; do
  said "inspect-$file.txt" 0 "$runner" inspect "$file.h5"
  said "inspect-$file.json" 0 "$runner" inspect "$file.h5" --format json
  h5dump "$file.h5" >"$file.dump" || fail "h5dump cannot read $file.h5"
  grep -q 'n1\|d1' "$file.dump" || fail "$file.dump has no names of samples"
done

for marker in "${markers[@]}"; do
  found=$(grep -rlaF -- "$marker" "$out" "$XDG_CACHE_HOME" 2>/dev/null)
  [ -z "$found" ] || fail "$marker is in: $found"
done
