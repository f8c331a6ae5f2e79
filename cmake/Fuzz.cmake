# tests/fuzz/*_fuzz.cpp -> programs of libFuzzer, built with clang by the test itself: GCC has none. Exit code 77 skips.
add_test(NAME fuzz.parsers COMMAND bash ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_test.sh)
set_tests_properties(fuzz.parsers PROPERTIES LABELS slow TIMEOUT 900 SKIP_RETURN_CODE 77
  PROCESSORS 2 ENVIRONMENT "${test_environment}")
