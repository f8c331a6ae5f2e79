# tests/<folder>/*_test.cpp         -> one executable a folder, label fast
# tests/<folder>/*.cpp              -> what several of a folder's tests share: linked into each of its executables
# tests/<folder>/*_slow_test.cpp    -> label slow;   *_manual_test.cpp -> label manual (never in CI)
# tests/distributed/*_test.cpp      -> run by mpirun with 1, 2 and 4 ranks, label distributed
# tests/{end_to_end,cluster}/*_test.sh, and *_manual_test.sh -> bash, label of the folder or manual; exit code 77 skips
include(GoogleTest)
# A release's tests themselves are compiled in half of the time: what they test is as fast as it is. -Og warns wrongly
# (GCC's manual says so) of what is not initialised.
set(test_options $<$<CONFIG:Release>:-Og> $<$<CONFIG:Release>:-Wno-maybe-uninitialized>)
set(MPIRUN mpirun --bind-to none --oversubscribe)
set(test_environment
  "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;MEDSWEEP_SOURCE_DIR=${CMAKE_SOURCE_DIR};MEDSWEEP_BUILD_DIR=${CMAKE_BINARY_DIR};OMP_NUM_THREADS=1")

function(medsweep_test_executable target folder sources)
  file(GLOB shared CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/*.cpp)
  list(FILTER shared EXCLUDE REGEX "_test\\.cpp$")
  add_executable(${target} ${sources} ${shared} ${CMAKE_SOURCE_DIR}/tests/main.cpp)
  medsweep_unity_files(${target})
  target_compile_options(${target} PRIVATE ${test_options})
  target_link_libraries(${target} PRIVATE medsweep_${folder} GTest::gmock GTest::gtest)
  target_compile_definitions(${target} PRIVATE MEDSWEEP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(folder MATCHES "^(datasets|models|runner)$")
    medsweep_use_torch_headers(${target})
  endif()
  if(folder STREQUAL datasets)
    target_link_libraries(${target} PRIVATE opencv_codecs dcmtk)  # they write images to be read
  endif()
endfunction()

foreach(folder base sweeps results datasets models runner)
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/*_test.cpp)
  foreach(label manual slow fast)
    set(chosen ${all})
    if(label STREQUAL fast)
      list(FILTER chosen EXCLUDE REGEX "_(slow|manual)_test\\.cpp$")
    else()
      list(FILTER chosen INCLUDE REGEX "_${label}_test\\.cpp$")
    endif()
    if(chosen)
      medsweep_test_executable(${folder}_${label}_tests ${folder} "${chosen}")
      # A process of the torch folders takes half a second to start: they run as one test each.
      if(folder MATCHES "^(datasets|models|runner)$")
        set(names ${folder}.${label})
        if(folder STREQUAL models)  # the longest: halves, one a core
          set(names ${folder}.${label}.0 ${folder}.${label}.1)
        endif()
        list(LENGTH names shards)
        set(shard 0)
        foreach(name ${names})
          add_test(NAME ${name} COMMAND ${folder}_${label}_tests)
          set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 600
            ENVIRONMENT "${test_environment};GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${shard}")
          math(EXPR shard "${shard} + 1")
        endforeach()
      else()
        gtest_discover_tests(${folder}_${label}_tests DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
          TEST_PREFIX "${folder}." PROPERTIES LABELS ${label} TIMEOUT 600 ENVIRONMENT "${test_environment}")
      endif()
    endif()
  endforeach()
endforeach()

file(GLOB distributed CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/distributed/*_test.cpp)
foreach(source ${distributed})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source} ${CMAKE_SOURCE_DIR}/tests/distributed/main.cpp)
  target_compile_options(${name} PRIVATE ${test_options})
  target_link_libraries(${name} PRIVATE medsweep_runner GTest::gmock GTest::gtest)
  target_compile_definitions(${name} PRIVATE MEDSWEEP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  medsweep_use_torch_headers(${name})
  foreach(ranks 1 2 4)
    add_test(NAME distributed.${name}.${ranks} COMMAND ${MPIRUN} -n ${ranks} $<TARGET_FILE:${name}>)
    set_tests_properties(distributed.${name}.${ranks} PROPERTIES LABELS distributed TIMEOUT 300
      PROCESSORS 2 ENVIRONMENT "${test_environment}")
  endforeach()
endforeach()

foreach(folder end_to_end cluster)
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/*_test.sh)
  foreach(script ${scripts})
    get_filename_component(name ${script} NAME_WE)
    set(label ${folder})
    if(folder STREQUAL end_to_end)
      set(label slow)
    endif()
    if(name MATCHES "_manual_test$")
      set(label manual)
    endif()
    add_test(NAME ${folder}.${name} COMMAND bash ${script})
    set_tests_properties(${folder}.${name} PROPERTIES LABELS ${label} TIMEOUT 900 SKIP_RETURN_CODE 77
      PROCESSORS 2 ENVIRONMENT "${test_environment}")
  endforeach()
endforeach()
