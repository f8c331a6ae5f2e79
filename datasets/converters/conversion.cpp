#include "datasets/converters/conversion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/converters/partial_file.h"
#include "datasets/data_file_writer.h"
#include "datasets/in_parallel.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

/// Size and time of a file: what changes when it is edited.
std::string state_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  const auto time = fs::last_write_time(file, error);
  return fmt::format("{} {} {}", file.string(), error ? 0 : size,
                     error ? 0 : time.time_since_epoch().count());
}

/// All that decides an item's bytes, beside its files.
std::string decisions(std::string_view converter, const ConversionPlan& plan,
                      const ConverterOptions& options) {
  const PhantomOptions& phantom = options.phantom;
  std::string text = fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n", converter,
                                 state_of(fs::read_symlink("/proc/self/exe")), plan.header.name,
                                 fmt::join(plan.header.classes, " "), plan.header.channels,
                                 plan.header.dimension, compression_name(options.compression));
  text += fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n", options.dimension,
                      fmt::join(options.spacing, " "), options.color, options.images,
                      options.labels, options.patient, fmt::join(options.window, " "),
                      options.normalize, state_of(options.patient_key));
  text += fmt::format("{}\n{}\n", state_of(options.label_map), state_of(options.annotations));
  return text + fmt::format("{} {} {} {} {} {}\n", phantom.kind, phantom.patients, phantom.slices,
                            phantom.size, phantom.channels, phantom.seed);
}

std::vector<std::string> keys_of(const ConversionPlan& plan, const std::string& decisions) {
  std::vector<std::string> keys;
  std::set<std::string_view> names;
  for (const ConversionItem& item : plan.items) {
    if (!names.insert(item.name).second)
      throw std::invalid_argument(
          fmt::format("[{}] stands twice in the source; different names are needed", item.name));
    std::string text = decisions + item.name;
    for (const fs::path& file : item.files) text += fmt::format("\n{}", state_of(file));
    keys.push_back(sha256_hex(text));
  }
  return keys;
}

/// One conversion on its way. Whoever converts an item writes those whose turn has come, in order.
class Conversion {
 public:
  Conversion(const ConversionPlan& plan, const ConverterOptions& options,
             const ConverterProgress& progress, const fs::path& folder)
      : plan_(plan),
        options_(options),
        progress_(progress),
        partial_(folder),
        writer_(options.output, plan.header, folder / "data.h5"),
        errors_(plan.items.size()),
        converted_(plan.items.size()) {}

  ConverterReport run(std::string_view converter) {
    keys_ = keys_of(plan_, decisions(converter, plan_, options_));
    ConverterReport report{.notes = plan_.notes, .skipped = plan_.skipped};
    for (const std::string& key : keys_) report.resumed += partial_.has(key) ? 1 : 0;
    in_parallel(std::ssize(plan_.items), options_.threads,
                [&](std::int64_t i) { convert(static_cast<std::size_t>(i)); });
    write_next();
    for (std::size_t i = 0; i < errors_.size(); ++i)
      if (!errors_[i].empty())
        report.skipped.push_back(fmt::format("{}: {}", plan_.items[i].name, errors_[i]));
    report.digest = writer_.finish(options_.threads);
    report.samples = writer_.size();
    return report;
  }

 private:
  void convert(std::size_t i) {
    if (!partial_.has(keys_[i])) {
      const std::vector<EncodedSample> samples = encoded(i);
      if (errors_[i].empty()) partial_.append(keys_[i], samples);
    }
    converted_[i] = true;
    write_next();
    const std::scoped_lock lock(progress_mutex_);
    ++done_;
    if (progress_) progress_(done_, std::ssize(plan_.items), plan_.items[i].name);
  }

  /// Into the file, up to the first item that is not converted; nothing while another thread does.
  void write_next() {
    const std::unique_lock lock(writer_mutex_, std::try_to_lock);
    if (!lock) return;
    for (; written_ < converted_.size() && converted_[written_]; ++written_)
      if (errors_[written_].empty())
        for (const EncodedSample& sample : partial_.read(keys_[written_])) writer_.add(sample);
  }

  std::vector<EncodedSample> encoded(std::size_t i) {
    std::vector<EncodedSample> samples;
    const ConversionItem& item = plan_.items[i];
    const auto failed = [&](const std::exception& error) {
      if (options_.on_bad == ConverterOptions::OnBad::kStop) throw;
      samples.clear();
      errors_[i] = error.what();
    };
    try {
      for (const RawSample& sample : item.read())
        samples.push_back(encode(sample, plan_.header, options_.compression));
    } catch (const std::invalid_argument& error) {
      failed(error);
    } catch (const std::runtime_error& error) {
      failed(error);
    }
    return samples;
  }

  const ConversionPlan& plan_;
  const ConverterOptions& options_;
  const ConverterProgress& progress_;
  PartialFile partial_;
  DataFileWriter writer_;
  std::vector<std::string> keys_, errors_;
  std::vector<std::atomic<bool>> converted_;
  std::mutex writer_mutex_, progress_mutex_;
  std::size_t written_ = 0;
  std::int64_t done_ = 0;
};

}  // namespace

ConverterReport run_conversion(std::string_view converter, const ConversionPlan& plan,
                               const ConverterOptions& options, const ConverterProgress& progress) {
  check_header(options.output.string(), plan.header);
  const fs::path folder = partial_folder(options.output);
  ConverterReport report = Conversion(plan, options, progress, folder).run(converter);
  fs::remove_all(folder);
  return report;
}

void forget_empty_conversion(const fs::path& output) {
  std::error_code error;  // of a file that is not there
  const auto kept = fs::file_size(partial_folder(output) / "items", error);
  if (error || kept == 0) fs::remove_all(partial_folder(output));
}

fs::path partial_folder(const fs::path& output) { return output.string() + ".partial"; }

}  // namespace medsweep::datasets
