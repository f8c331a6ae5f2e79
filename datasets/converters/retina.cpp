#include "datasets/converters/retina.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <stdexcept>

#include "datasets/converters/image_bytes.h"
#include "datasets/converters/image_files.h"
#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/retina_field.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

torch::Tensor read_fundus(const fs::path& path) {
  torch::Tensor image = read_image(path, ColorKind::kStored);
  if (image.scalar_type() != torch::kUInt8 || image.size(0) != 3)
    throw std::invalid_argument(
        fmt::format("[{}] {} channels, {} bytes each; RGB of 8 bits is allowed", path.string(),
                    image.size(0), image.element_size()));
  return image;
}

torch::Tensor read_black_and_white(const fs::path& path) {
  const torch::Tensor values = read_label_image(path);
  const torch::Tensor unknown = values.ne(0).logical_and(values.ne(255));
  if (unknown.any().item<bool>())
    throw std::invalid_argument(
        fmt::format("[{}] unknown label, grey level {}; 0 and 255 are allowed", path.string(),
                    values.masked_select(unknown)[0].item<int>()));
  return values.ne(0).to(torch::kUInt8);
}

std::vector<RawSample> read_retina(const Retina& retina, DrawnLevels levels) {
  RawSample sample;
  sample.image = read_fundus(retina.image);
  const auto drawn = [&](const fs::path& path) {
    torch::Tensor mask =
        levels == DrawnLevels::kThreshold ? read_mask(path) : read_black_and_white(path);
    check_mask_size(mask, path, sample.image, retina.image);
    return mask;
  };
  sample.labels = drawn(retina.vessels);
  if (!retina.second_observer.empty()) sample.second_observer = drawn(retina.second_observer);
  sample.field_of_view =
      retina.field_of_view.empty() ? retina_field(sample.image) : drawn(retina.field_of_view);
  sample.id.name = retina.name;
  sample.id.case_name = retina.name;
  sample.id.patient = retina.patient;
  sample.id.source = retina.source;
  return {sample};
}

}  // namespace

DataFileHeader retina_header(const std::string& name) {
  return {.name = name, .classes = {"vessel"}, .channels = 3};
}

std::string retina_patient(const ConverterOptions& options, const std::string& patient) {
  return options.patient_key.empty() ? patient : PatientHash(options)(patient);
}

ConversionItem retina_item(const Retina& retina, DrawnLevels levels) {
  ConversionItem item{.name = retina.image.filename().string()};
  for (const fs::path& file :
       {retina.image, retina.vessels, retina.second_observer, retina.field_of_view})
    if (!file.empty()) item.files.push_back(file);
  item.read = [retina, levels] { return read_retina(retina, levels); };
  return item;
}

std::map<std::string, fs::path> files_by_group(const std::vector<fs::path>& files,
                                               const std::regex& expression) {
  std::map<std::string, fs::path> found;
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    std::smatch match;
    if (!std::regex_match(name, match, expression)) continue;
    const auto [other, is_new] = found.emplace(match[1].str(), file);
    if (!is_new && other->second.parent_path() != file.parent_path())
      throw std::invalid_argument(fmt::format("[{}] is called '{}' as {} is; one is needed",
                                              file.string(), match[1].str(),
                                              other->second.string()));
  }
  return found;
}

void note_sizes(ConversionPlan& plan, const std::vector<fs::path>& images,
                const Extent& published) {
  std::vector<std::string> others;
  for (const fs::path& path : images) {
    try {
      const ImageBytes found = inspect_image_bytes(read_image_bytes(path), path.string());
      if (found.width != 0 && Extent{found.height, found.width} != published)
        others.push_back(path.filename().string());
    } catch (const std::exception&) {
      continue;  // what is wrong with it is told where it is read
    }
  }
  note_names(plan, others,
             fmt::format("images are not {} x {} pixels, as published: were they resized?",
                         published.width, published.height));
}

}  // namespace medsweep::datasets
