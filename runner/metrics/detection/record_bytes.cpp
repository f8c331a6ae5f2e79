#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "runner/metrics/detection/image_record.h"

namespace medsweep::runner {
namespace {

template <typename Value>
concept PlainValue = std::is_trivially_copyable_v<Value>;

class RecordWriter {
 public:
  template <PlainValue Value>
  void put(const Value& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_number(const std::optional<double>& number) {
    put(static_cast<std::uint8_t>(number.has_value()));
    if (number) put(*number);
  }
  void put_text(const std::string& text) {
    put(static_cast<std::uint64_t>(text.size()));
    bytes_ += text;
  }
  void put_matches(const ClassMatches& matches) {
    put(matches.objects);
    put(static_cast<std::uint8_t>(matches.detections.size()));
    for (const ScoredDetection& detection : matches.detections) {
      put(detection.score);
      put(detection.right);
      put(detection.wrong);
    }
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class RecordReader {
 public:
  explicit RecordReader(std::string_view& bytes) : bytes_(bytes) {}

  template <PlainValue Value>
  Value take() {
    Value value;
    std::memcpy(&value, part(sizeof value).data(), sizeof value);
    return value;
  }
  std::optional<double> take_number() {
    if (take<std::uint8_t>() == 0) return std::nullopt;
    return take<double>();
  }
  std::string take_text() { return std::string(part(take<std::uint64_t>())); }
  ClassMatches take_matches() {
    ClassMatches matches{.objects = take<decltype(ClassMatches::objects)>()};
    matches.detections.resize(take<std::uint8_t>());
    for (ScoredDetection& detection : matches.detections) {
      detection.score = take<float>();
      detection.right = take<decltype(ScoredDetection::right)>();
      detection.wrong = take<decltype(ScoredDetection::wrong)>();
    }
    return matches;
  }

 private:
  std::string_view part(std::uint64_t size) {
    if (size > bytes_.size())
      throw std::runtime_error("[metrics] a record of another rank ends too early");
    const std::string_view result = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return result;
  }

  std::string_view& bytes_;
};

static_assert(kMaximumDetections < 256 && kIouThresholds <= 16);

}  // namespace

std::string bytes_of(std::int64_t position, const ImageRecord& record) {
  RecordWriter writer;
  writer.put(position);
  writer.put_text(record.name);
  writer.put(static_cast<std::uint8_t>(record.has_masks));
  writer.put(record.heart);
  writer.put_number(record.all_found);
  writer.put_number(record.seconds);
  writer.put(static_cast<std::uint8_t>(record.classes.size()));
  for (const ClassRecord& of_class : record.classes) {
    writer.put_matches(of_class.boxes);
    writer.put_matches(of_class.masks);
    for (const auto& number :
         {of_class.box_iou, of_class.mask_iou, of_class.mask_dice, of_class.rsna_score})
      writer.put_number(number);
  }
  return writer.take();
}

std::pair<std::int64_t, ImageRecord> take_record(std::string_view& bytes) {
  RecordReader reader(bytes);
  const auto position = reader.take<std::int64_t>();
  ImageRecord record{.name = reader.take_text()};
  record.has_masks = reader.take<std::uint8_t>() != 0;
  record.heart = reader.take<HeartBoxes>();
  record.all_found = reader.take_number();
  record.seconds = reader.take_number();
  record.classes.resize(reader.take<std::uint8_t>());
  for (ClassRecord& of_class : record.classes) {
    of_class.boxes = reader.take_matches();
    of_class.masks = reader.take_matches();
    for (auto* number :
         {&of_class.box_iou, &of_class.mask_iou, &of_class.mask_dice, &of_class.rsna_score})
      *number = reader.take_number();
  }
  return {position, std::move(record)};
}

}  // namespace medsweep::runner
