#include "runner/version.h"

#include <fmt/format.h>
#include <hdf5.h>
#include <mpi.h>
#include <torch/version.h>

#include <array>

namespace medsweep::runner {
namespace {

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string whole(text.data());
  return whole.substr(0, whole.find(','));
}

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace

std::map<std::string, std::string> versions() {
  return {{"medsweep", MEDSWEEP_VERSION},
          {"torch", TORCH_VERSION},
          {"mpi", mpi_version()},
          {"hdf5", hdf5_version()},
          {"compiler", fmt::format("g++ {}", __VERSION__)}};
}

std::string version_text() {
  const auto all = versions();
  return fmt::format("medsweep {} (torch {}, {}, HDF5 {}, {})", all.at("medsweep"), all.at("torch"),
                     all.at("mpi"), all.at("hdf5"), all.at("compiler"));
}

}  // namespace medsweep::runner
