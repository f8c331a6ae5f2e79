// bench_loader make DIR: the files of the other modes. Each of these prints one line of numbers:
//   slices FILE THREADS   samples a second through the loader: read, decode, scale, batch
//   library FILE          samples a second by H5Dread from one thread, images and labels
//   batches FILE THREADS  bytes a second of float32 images in batch memory
//   pread FILE THREADS    bytes a second of the same images by pread into memory used before
//   box FILE              seconds of a 128^3 patch, seconds of the whole volume
//   big FILE              MB resident beyond the batch while patches of a 50 GB file are read

#include "datasets/loader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <torch/torch.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <numeric>
#include <thread>

#include "base/digest.h"
#include "datasets/converters/phantom_hearts.h"
#include "datasets/data_file_writer.h"
#include "datasets/data_index.h"
#include "datasets/segmentation_dataset.h"

namespace {

using namespace medsweep;
using namespace medsweep::datasets;
namespace fs = std::filesystem;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

SampleId named(const std::string& name) {
  SampleId id;
  id.name = id.case_name = id.patient = name;
  return id;
}

void make_slices(const fs::path& path) {
  PhantomOptions options;
  options.patients = 100;
  options.slices = 10;
  options.size = 256;
  DataFileWriter writer(path, {.name = "slices", .classes = {"rv", "myo", "lv"}});
  for (std::int64_t patient = 0; patient < options.patients; ++patient)
    for (std::int64_t phase = 0; phase < 2; ++phase)
      for (std::int64_t slice = 0; slice < options.slices; ++slice)
        writer.add(phantom_slice(options, patient, phase, slice));
  writer.finish(2);
}

void make_plain(const fs::path& path) {
  const DataFileHeader header{.name = "plain", .classes = {"object"}};
  DataFileWriter writer(path, header);
  torch::manual_seed(0);
  for (int i = 0; i < 512; ++i) {
    RawSample sample;
    sample.id = named(fmt::format("s{}", i));
    sample.image = torch::rand({1, 512, 512});
    sample.labels = torch::zeros({512, 512}, torch::kUInt8);
    writer.add(encode(sample, header, Compression::kNone));
  }
  writer.finish(2);
}

void make_volume(const fs::path& path) {
  DataFileWriter writer(path, {.name = "volume", .classes = {"organ"}, .dimension = 3});
  torch::manual_seed(0);
  RawSample sample;
  sample.id = named("ct");
  const auto ramp = torch::arange(800, torch::kInt16).view({1, 800, 1, 1});
  sample.image = torch::randint(-40, 40, {1, 800, 512, 512}, torch::kInt16).add_(ramp);
  sample.labels = torch::zeros({800, 512, 512}, torch::kUInt8);
  writer.add(sample);
  writer.finish(2);
}

/// 50 GB of volumes, all zeros, in chunks that exist on no disk.
void make_big(const fs::path& path) {
  const std::vector<std::int64_t> shape{1, 512, 512, 512}, chunk{1, 64, 64, 64};
  const std::vector<std::uint8_t> zeros(64 * 64 * 64 * 2);
  const auto checksum = crc32({reinterpret_cast<const char*>(zeros.data()), zeros.size()});
  DataIndex index;
  index.header = {.name = "big", .classes = {"organ"}, .dimension = 3};
  const std::lock_guard lock(hdf5_mutex());
  const Hdf5File file(path, Hdf5Mode::kCreate);
  for (std::int64_t sample = 0; sample < 190; ++sample) {
    index.samples.push_back(named(fmt::format("v{}", sample)));
    const Hdf5Handle group = file.create_group("/samples/" + index.samples.back().name);
    const Hdf5Handle properties = dataset_properties("big");
    const hsize_t sides[]{1, 512, 512, 512}, pieces[]{1, 64, 64, 64};
    H5Pset_chunk(properties.get(), 4, pieces);
    H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
    const Hdf5Handle space(H5Screate_simple(4, sides, nullptr), "big", "space");
    const Hdf5Handle data(H5Dcreate2(group.get(), "image", H5T_STD_I16LE, space.get(), H5P_DEFAULT,
                                     properties.get(), H5P_DEFAULT),
                          "big", "image");
    StoredArray array{.sample = sample,
                      .name = "image",
                      .type = "int16",
                      .shape = shape,
                      .chunk = chunk,
                      .compression = Compression::kNone};
    for (hsize_t z = 0; z < 512; z += 64)
      for (hsize_t y = 0; y < 512; y += 64)
        for (hsize_t x = 0; x < 512; x += 64) {
          const hsize_t origin[]{0, z, y, x};
          unsigned mask = 0;
          haddr_t address = 0;
          hsize_t bytes = 0;
          check_hdf5(H5Dget_chunk_info_by_coord(data.get(), origin, &mask, &address, &bytes), "big",
                     "place");
          array.chunks.push_back({static_cast<std::int64_t>(address),
                                  static_cast<std::int64_t>(bytes), mask, checksum});
        }
    index.first_array.push_back(index.arrays.size());
    index.arrays.push_back(std::move(array));
    index.sizes.push_back({512, 512, 512});
    index.foreground.push_back(-1);
    index.instances.push_back(-1);
    index.sample_digests.push_back(sha256_hex(index.samples.back().name));
  }
  index.digest = digest_over(index);
  write_index(file, index);
}

Loader loader_over(const std::shared_ptr<SegmentationDataset>& samples, std::int64_t threads) {
  return Loader(
      Sampler(samples->size(), {.batch_size = 8}),
      [samples](std::int64_t epoch, const Draw& draw, const torch::Tensor& image) {
        return samples->get(epoch, draw, image);
      },
      {.threads = threads, .prefetch = 2, .epochs = 1000, .channels = 1},
      [samples](const Draw& draw) { return samples->extent(draw.sample); });
}

std::shared_ptr<SegmentationDataset> all_samples(const std::string& path) {
  const auto pool = std::make_shared<DataPool>(
      std::vector{pool_member(std::make_shared<const DataFile>(path))}, 0);
  std::vector<std::int64_t> indices(pool->samples().size());
  std::iota(indices.begin(), indices.end(), 0);
  SampleOptions options;
  options.color_mode = "gray";
  return std::make_shared<SegmentationDataset>(pool, indices, options, SampleMode::kTrain);
}

/// Samples a second over three epochs after a first one.
double samples_per_second(const std::string& path, std::int64_t threads) {
  const auto samples = all_samples(path);
  Loader loader = loader_over(samples, threads);
  const auto epoch = [&] {
    for (std::int64_t left = samples->size(); left > 0;) left -= loader.next()->batch.size();
  };
  epoch();
  const double seconds = seconds_of([&] {
    for (int i = 0; i < 3; ++i) epoch();
  });
  return 3.0 * static_cast<double>(samples->size()) / seconds;
}

double library_samples_per_second(const std::string& path) {
  const DataFile file(path);
  const std::lock_guard lock(hdf5_mutex());
  const Hdf5File library(path, Hdf5Mode::kRead);
  std::vector<std::int16_t> image(256 * 256);
  std::vector<std::uint8_t> labels(256 * 256);
  const double seconds = seconds_of([&] {
    for (const SampleId& id : file.samples()) {
      const std::string group = "/samples/" + id.name;
      const Hdf5Handle first(H5Dopen2(library.id(), (group + "/image").c_str(), H5P_DEFAULT), path,
                             "image");
      const Hdf5Handle second(H5Dopen2(library.id(), (group + "/labels").c_str(), H5P_DEFAULT),
                              path, "labels");
      check_hdf5(
          H5Dread(first.get(), H5T_NATIVE_INT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, image.data()), path,
          "image");
      check_hdf5(
          H5Dread(second.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, labels.data()),
          path, "labels");
    }
  });
  return static_cast<double>(file.samples().size()) / seconds;
}

/// The images alone, as float32, batch after batch in memory that is used again.
double batch_bytes_per_second(const std::string& path, std::int64_t threads) {
  const auto file = std::make_shared<const DataFile>(path);
  const auto count = static_cast<std::int64_t>(file->samples().size());
  Loader loader(
      Sampler(count, {.batch_size = 8, .order = SampleOrder::kInOrder}),
      [file](std::int64_t, const Draw& draw, const torch::Tensor& image) {
        Sample sample;
        sample.image = file->read(draw.sample, {true, false, false, false, false}, image).image;
        return sample;
      },
      {.threads = threads, .prefetch = 2, .epochs = 1000},
      [](const Draw&) {
        return Extent{512, 512};
      });
  const auto epoch = [&] {
    for (std::int64_t left = count; left > 0;) left -= loader.next()->batch.size();
  };
  epoch();
  return 5.0 * static_cast<double>(count) * 512 * 512 * 4 / seconds_of([&] {
           for (int i = 0; i < 5; ++i) epoch();
         });
}

double pread_bytes_per_second(const std::string& path, std::int64_t threads) {
  DataIndex index;
  {
    const std::lock_guard lock(hdf5_mutex());
    index = read_index(Hdf5File(path, Hdf5Mode::kRead));
  }
  const int file = open(path.c_str(), O_RDONLY);
  std::vector<StoredChunk> places;
  for (const StoredArray& array : index.arrays)
    if (array.name == "image") places.push_back(array.chunks[0]);
  const auto epoch = [&](std::int64_t thread) {
    static thread_local std::vector<char> memory(8 * 512 * 512 * 4);
    for (std::size_t i = static_cast<std::size_t>(thread); i < places.size();
         i += static_cast<std::size_t>(threads)) {
      char* to = memory.data() + (i / static_cast<std::size_t>(threads)) % 8 * 512 * 512 * 4;
      if (pread(file, to, static_cast<std::size_t>(places[i].bytes), places[i].offset) !=
          places[i].bytes)
        throw std::runtime_error("pread");
    }
  };
  const auto run = [&](std::int64_t thread) {
    for (int i = 0; i < 5; ++i) epoch(thread);
  };
  epoch(0);
  const double seconds = seconds_of([&] {
    std::vector<std::thread> others;
    for (std::int64_t t = 1; t < threads; ++t) others.emplace_back(run, t);
    run(0);
    for (std::thread& thread : others) thread.join();
  });
  close(file);
  return 5.0 * static_cast<double>(places.size()) * 512 * 512 * 4 / seconds;
}

std::pair<double, double> box_seconds(const std::string& path) {
  const DataFile file(path);
  const Parts image_only{true, false, false, false, false};
  const double whole = seconds_of([&] { file.read(0, image_only); });
  const double box = seconds_of([&] {
    for (std::int64_t i = 0; i < 5; ++i)
      file.read_box(0, {100 + 37 * i, 50 + 31 * i, 61 * i}, {128, 128, 128}, image_only);
  });
  return {box / 5, whole};
}

double resident_megabytes(const char* line_name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(line_name)) return std::stod(line.substr(line.find_first_of(' '))) / 1000;
  return 0;
}

/// What reading adds to what the program alone holds; the batch of two patches is taken off.
double big_megabytes(const std::string& path) {
  { const auto warm = torch::ones({2, 1, 128, 128, 128}); }
  const double before = resident_megabytes("VmRSS:");
  const DataFile file(path);
  torch::Tensor batch = torch::zeros({2, 1, 128, 128, 128}, torch::kInt16);
  for (std::int64_t i = 0; i < 380; ++i)
    batch[i % 2].copy_(file.read_box(i % 190, {i, 300 - i % 300, 100}, {128, 128, 128},
                                     {true, false, false, false, false})
                           .image);
  return resident_megabytes("VmHWM:") - before - static_cast<double>(batch.nbytes()) / 1e6;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string mode = argc > 2 ? argv[1] : "", path = argc > 2 ? argv[2] : "";
  const std::int64_t threads = argc > 3 ? std::stoll(argv[3]) : 1;
  if (mode == "make") {
    make_slices(fs::path(path) / "slices.h5");
    make_plain(fs::path(path) / "plain.h5");
    make_volume(fs::path(path) / "volume.h5");
    make_big(fs::path(path) / "big.h5");
  } else if (mode == "slices") {
    fmt::print("{:.1f}\n", samples_per_second(path, threads));
  } else if (mode == "library") {
    fmt::print("{:.1f}\n", library_samples_per_second(path));
  } else if (mode == "batches") {
    fmt::print("{:.0f}\n", batch_bytes_per_second(path, threads));
  } else if (mode == "pread") {
    fmt::print("{:.0f}\n", pread_bytes_per_second(path, threads));
  } else if (mode == "box") {
    const auto [box, whole] = box_seconds(path);
    fmt::print("{:.5f} {:.5f}\n", box, whole);
  } else if (mode == "big") {
    fmt::print("{:.1f}\n", big_megabytes(path));
  } else {
    throw std::invalid_argument("make DIR | slices|library|batches|pread|box|big FILE [THREADS]");
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_loader: {}\n", error.what());
  return 1;
}
