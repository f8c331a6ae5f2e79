# Sources of a folder share unity files, some eight to each; which one is in a source's name. A new source so makes
# the file that it comes into be compiled, and its folder when that has outgrown another eight, but no more.
function(medsweep_unity_files target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE folder)
    cmake_path(GET folder PARENT_PATH folder)
    string(REPLACE "/" "_" folder ${folder})
    list(APPEND folders ${folder})
    list(APPEND sources_of_${folder} ${source})
  endforeach()
  list(REMOVE_DUPLICATES folders)
  foreach(folder ${folders})
    list(LENGTH sources_of_${folder} count)
    math(EXPR files "(${count} + 7) / 8")
    foreach(source ${sources_of_${folder}})
      cmake_path(GET source STEM name)
      string(MD5 digest ${name})
      string(SUBSTRING ${digest} 0 4 digest)
      math(EXPR file "0x${digest} % ${files}")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${file})
    endforeach()
  endforeach()
endfunction()

# medsweep_library(NAME [TORCH] LINK ...): the sources of a folder as one static library. New files need no edit here.
#
# Torch folders share one precompiled header, built with the first of them (10 s a source with it, 17 s without).
function(medsweep_library name)
  cmake_parse_arguments(ARG "TORCH" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "(/main|_module)\\.cpp$")
  add_library(medsweep_${name} STATIC ${sources})
  medsweep_unity_files(medsweep_${name})
  target_include_directories(medsweep_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(medsweep_${name} PUBLIC ${ARG_LINK} Threads::Threads)
  if(ARG_TORCH)
    target_link_libraries(medsweep_${name} PUBLIC torch_cpu)
    medsweep_use_torch_headers(medsweep_${name})
  endif()
endfunction()

# A library that the program opens when it is needed, beside the program: medsweep_NAME of SOURCE.
function(medsweep_module name source)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(medsweep_${name} MODULE ${source})
  set_target_properties(medsweep_${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_include_directories(medsweep_${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(medsweep_${name} PRIVATE ${ARG_LINK})
endfunction()

# Gives a target the shared precompiled header.
function(medsweep_use_torch_headers target)
  if(NOT TARGET medsweep_torch_headers)
    file(WRITE ${CMAKE_BINARY_DIR}/generated/torch_headers.cpp "")
    add_library(medsweep_torch_headers OBJECT ${CMAKE_BINARY_DIR}/generated/torch_headers.cpp)
    target_link_libraries(medsweep_torch_headers PUBLIC torch_cpu fmt::fmt)
    target_precompile_headers(medsweep_torch_headers PRIVATE <torch/torch.h> <fmt/format.h> <string> <vector> <map>)
  endif()
  target_precompile_headers(${target} REUSE_FROM medsweep_torch_headers)
endfunction()

# A digest of the sources behind each file pair, made at build time: part of every trial's identity.
function(medsweep_source_digests)
  set(output ${CMAKE_BINARY_DIR}/generated/source_digests.inc)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/base/*.* ${CMAKE_SOURCE_DIR}/sweeps/*.* ${CMAKE_SOURCE_DIR}/datasets/*.*
    ${CMAKE_SOURCE_DIR}/models/*.* ${CMAKE_SOURCE_DIR}/runner/*.*)
  list(FILTER sources INCLUDE REGEX "\\.(h|cpp|inl)$")
  add_executable(source_digests cmake/source_digests_main.cpp)
  target_link_libraries(source_digests PRIVATE medsweep_sweeps)
  add_custom_command(OUTPUT ${output}
    COMMAND source_digests ${CMAKE_SOURCE_DIR} ${output}
    DEPENDS source_digests ${sources}
    COMMENT "Digests of the sources behind each row")
  set_source_files_properties(${CMAKE_SOURCE_DIR}/runner/source_digests.cpp PROPERTIES
    OBJECT_DEPENDS ${output} SKIP_UNITY_BUILD_INCLUSION ON)
  add_custom_target(source_digests_file DEPENDS ${output})
  add_dependencies(medsweep_runner source_digests_file)
  target_include_directories(medsweep_runner PRIVATE ${CMAKE_BINARY_DIR}/generated)
endfunction()
