# bench/<name>.cpp -> build/bench_<name>; its side-by-side driver is bench/<name>.sh.
file(GLOB benches CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.cpp)
foreach(source ${benches})
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} ${source})
  target_link_libraries(bench_${name} PRIVATE medsweep_runner)
  medsweep_use_torch_headers(bench_${name})
endforeach()
