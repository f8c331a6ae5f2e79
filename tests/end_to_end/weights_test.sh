#!/usr/bin/env bash
# A study starts from the weights of another one's trials; --same-code is told under the table.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
make_phantom phantom.h5
tiny_study tiny 1 2

# next_study WEIGHTS [LINE]: one trial that learns nothing, so that it ends with what it began with.
next_study() {
  tiny_study next 1 1
  sed -i '/axes/,/augmentation/d' next.toml
  sed -i "1i needs = [\"tiny.toml\"]" next.toml
  sed -i "s|^\[trial\]|[trial]\nweights = \"$1\"\noptimizer = { name = \"adam\", learning_rate = 0 }\n${2:-}|" next.toml
}
identity_of() { trial_identities next.toml; }

# equal_parameters A B: safetensors files with the same bytes in every convolution.
equal_parameters() {
  python3 - "$1" "$2" <<'PYTHON'
import json, struct, sys
def convolutions(path):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    return {name: data[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]]
            for name, entry in header.items() if name != "__metadata__" and len(entry["shape"]) == 4}
a, b = map(convolutions, sys.argv[1:])
sys.exit(0 if a and a == b else 1)
PYTHON
}
newest_weights() { # STUDY_FOLDER IDENTITY
  printf '%s/trials/%s/checkpoints/step-%06d/model.safetensors' "$1" "$2" "$(newest_step "$1" "$2")"
}

# Before the other trial is finished: pending, and nothing runs.
next_study trial:none
expect 0 "$runner" plan next.toml
says out pending
says out 'there is no such finished trial'
expect 2 "$runner" run next.toml
says err 'there is no such finished trial'

expect 0 "$runner" run tiny.toml
source_identity=$("$runner" plan tiny.toml --format json | jq -r '.trials[] | select(.name == "none") | .identity')
source_weights=$(newest_weights runs/tiny "$source_identity")
expect 0 "$runner" run next.toml
identity=$(identity_of)
equal_parameters "$source_weights" "$(newest_weights runs/next "$identity")" || fail "it did not start from these weights"
expect 0 "$runner" run next.toml --dry-run
says out '0 of 1 trials would be run'

# Every way to name the same weights is the same trial; threads decide nothing.
for weights in trial:tiny/none "$PWD/$source_weights" "$source_weights"; do
  next_study "$weights"
  [ "$(identity_of)" = "$identity" ] || fail "another trial with weights = $weights"
done
next_study trial:none 'threads = 1'
[ "$(identity_of)" = "$identity" ] || fail "threads made another trial"
next_study last
[ "$(identity_of)" != "$identity" ] || fail "last is not the last trial"
next_study trial:fliprot
other=$(identity_of)
next_study last
[ "$(identity_of)" = "$other" ] || fail "last is not the last trial"

# What cannot be meant is refused, and says what can.
next_study trial:none
sed -i '/needs/d' next.toml
expect 2 "$runner" plan next.toml
says err '"trial:none" in a study without needs; "trial:STUDY/none" is allowed'
next_study nothing
expect 2 "$runner" plan next.toml
says err '"trial:STUDY/NAME" and "last" are allowed'
next_study trial:none
sed -i 's/width = 4/width = 8/' next.toml
expect 3 "$runner" run next.toml --extend
says err "'decoder0.first.convolution.weight' is [4, 8, 3, 3] in the file, [8, 16, 3, 3] in the network"

# The other study's trial is cited: it stays.
expect 2 "$runner" remove tiny --trial "$source_identity" --yes
says err 'is needed by the study next'

# Results of edited code stand where somebody says so, and the table tells.
sed -i "s/$source_identity/0123456789abcdef/" runs/tiny/study.toml
expect 2 "$runner" run tiny.toml
says err edited
expect 0 "$runner" run tiny.toml --same-code
says out '--same-code: results of edited code stand for none'
expect 0 "$runner" table tiny.toml
says out '--same-code'
