#!/usr/bin/env bash
# `runner new`: what it writes into a source tree compiles, links and passes its own tests.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1

for folder in base datasets models tests/models; do
  mkdir -p "tree/$(dirname "$folder")" && cp -r "$source_dir/$folder" "tree/$folder"
done
cp "$source_dir/tests/main.cpp" tree/tests/

for kind in attention network loss; do
  expect 0 "$runner" new "$kind" "own_$kind" --source tree
  says out 'a row in models/'
  expect 2 "$runner" new "$kind" "own_$kind" --source tree
  says err 'another name is allowed'
done
expect 2 "$runner" new losses something --source tree
says err "did you mean 'loss'?"
expect 2 "$runner" new loss something --source .
says err "the root of Medsweep's source tree is allowed"

# The tables, what is new, and its tests as one source, before the libraries that have the rest.
(cd tree && for file in models/attention/attention.cpp models/segmentation/networks.cpp models/losses/losses.cpp \
  $(find . -name 'own_*.cpp' | sort) tests/main.cpp; do echo "#include \"$file\""; done) >all.cpp
cat >>all.cpp <<'END'
TEST(Tables, HaveTheNewRows) {
  using namespace medsweep::models;
  AttentionOptions attention;
  attention.channels = 3;
  EXPECT_NO_THROW(make_attention("own_attention", attention));
  EXPECT_EQ(make_network("own_network", {})->size_multiple(), 16);
  EXPECT_NO_THROW(make_loss({.name = "own_loss"}, {2, Activation::kSoftmax}));
}
END
commands=$(ninja -C "$MEDSWEEP_BUILD_DIR" -t commands models_fast_tests) || skip "the build is not by ninja"
flags=$(printf '%s\n' "$commands" | grep -- '-o CMakeFiles/medsweep_models.dir' | head -1 |
  grep -oE -- '(-isystem|-idirafter) [^ ]+|-D[^ ]+|-std=[^ ]+|-fopenmp|-march=[^ ]+')
libraries=$(printf '%s\n' "$commands" | grep -- '-o models_fast_tests ' | tail -1 | sed 's/.* -o models_fast_tests//; s/ && :$//')
# shellcheck disable=SC2086
expect 0 g++ $flags -Itree -Wall -Wextra -Wconversion -Werror -Wno-restrict -O0 -c all.cpp -o all.o
cd "$MEDSWEEP_BUILD_DIR" || exit 1
# shellcheck disable=SC2086
expect 0 g++ -fopenmp -Wl,--allow-multiple-definition "$work/all.o" $libraries -o "$work/own_tests"
cd "$work" || exit 1
expect 0 ./own_tests
says out '[  PASSED  ] 4 tests.'
echo "new sources build and pass"
