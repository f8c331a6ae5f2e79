# torch_cpu: LibTorch's CPU library out of an installed `torch` wheel. TORCH_DIR is .../site-packages/torch.
#
# Two flags that are not there for show:
#  -idirafter  the wheel's include/ carries fmt 12, protobuf 3.13 and others; searched first they shadow the system's
#              (spdlog stops compiling, fmt stops linking), so they are searched last.
#  -fopenmp    at::parallel_for is a template: without it, loops in our own sources run on one thread, silently.
#
# find_package(Torch) is not used: with CMake 3.25 and C++20 it fails, and it asks for a CUDA toolkit even for CPU code.
set(TORCH_DIR "" CACHE PATH "The installed torch package (its lib/ and include/)")
if(NOT TORCH_DIR)
  message(FATAL_ERROR "TORCH_DIR is empty; ./bootstrap build sets it, or give -DTORCH_DIR=.../site-packages/torch")
endif()

# The reducer's constructor is not a stable interface: it is that of 2.11.
file(STRINGS "${TORCH_DIR}/version.py" torch_version_line REGEX "^__version__")
if(NOT torch_version_line MATCHES "'2\\.11\\.[0-9]+")
  message(FATAL_ERROR "TORCH_DIR=${TORCH_DIR} holds ${torch_version_line}; torch 2.11.x is allowed")
endif()

add_library(torch_cpu SHARED IMPORTED)
set_target_properties(torch_cpu PROPERTIES
  IMPORTED_LOCATION "${TORCH_DIR}/lib/libtorch_cpu.so"
  INTERFACE_COMPILE_OPTIONS
    "$<$<COMPILE_LANGUAGE:CXX>:-fopenmp>;SHELL:-idirafter ${TORCH_DIR}/include;SHELL:-idirafter ${TORCH_DIR}/include/torch/csrc/api/include"
  INTERFACE_LINK_LIBRARIES "${TORCH_DIR}/lib/libc10.so"
  INTERFACE_LINK_OPTIONS "-fopenmp"
  INTERFACE_COMPILE_DEFINITIONS "USE_DISTRIBUTED")
