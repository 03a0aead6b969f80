#include "engine/io/maxmind_data.h"

#include <array>

namespace sluice::io {
namespace {

enum class MaxMindType : std::uint8_t {
  extended = 0,
  pointer = 1,
  text = 2,
  float64 = 3,
  bytes = 4,
  uint16 = 5,
  uint32 = 6,
  map = 7,
  int32 = 8,
  uint64 = 9,
  uint128 = 10,
  array = 11,
  boolean = 14,
  float32 = 15,
};

struct MaxMindField {
  std::size_t size = 0;    // of its content in bytes; of a pointer where it leads to
  std::size_t fields = 0;  // that follow, of map and array
  MaxMindType type = MaxMindType::extended;
};

// The next bytes of a section as a number.
class MaxMindReader {
 public:
  MaxMindReader(std::string_view section, std::size_t at) : section_(section), at_(at) {}
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::size_t left() const { return section_.size() - at_; }
  void skip(std::size_t size) { at_ += size; }
  std::optional<std::size_t> number(std::size_t size) {
    if (at_ > section_.size() || left() < size) return std::nullopt;
    std::size_t value = 0;
    for (const std::size_t end = at_ + size; at_ < end; ++at_)
      value = value << 8 | static_cast<unsigned char>(section_[at_]);
    return value;
  }

 private:
  std::string_view section_;
  std::size_t at_;
};

// "%001SSVVV": the size of the number, and its first bits.
std::optional<std::size_t> pointed_to(std::size_t control, MaxMindReader& reader) {
  constexpr std::array<std::size_t, 4> kBase = {0, 2048, 526'336, 0};
  const std::size_t more = control >> 3 & 3;
  const auto number = reader.number(more + 1);
  if (!number) return std::nullopt;
  return kBase.at(more) + (more == 3 ? *number : (control & 7) << 8 * (more + 1) | *number);
}

std::optional<std::size_t> size_of(std::size_t control, MaxMindReader& reader) {
  constexpr std::array<std::size_t, 4> kBase = {0, 29, 285, 65'821};
  const std::size_t size = control & 31;
  if (size < 29) return size;
  const std::size_t more = size - 28;
  const auto number = reader.number(more);
  if (!number) return std::nullopt;
  return kBase.at(more) + *number;
}

bool size_fits(MaxMindType type, std::size_t size) {
  if (type == MaxMindType::text || type == MaxMindType::bytes) return true;
  if (type == MaxMindType::float64) return size == 8;
  if (type == MaxMindType::float32) return size == 4;
  if (type == MaxMindType::uint16) return size <= 2;
  if (type == MaxMindType::uint32 || type == MaxMindType::int32) return size <= 4;
  if (type == MaxMindType::uint64) return size <= 8;
  // Files have neither "data cache container" nor "end marker".
  return type == MaxMindType::uint128 && size <= 16;
}

// Its control bytes; the reader is behind them.
std::optional<MaxMindField> read_field(MaxMindReader& reader) {
  const auto control = reader.number(1);
  if (!control) return std::nullopt;
  auto type = static_cast<MaxMindType>(*control >> 5);
  if (type == MaxMindType::pointer) {
    const auto target = pointed_to(*control, reader);
    if (!target) return std::nullopt;
    return MaxMindField{.size = *target, .fields = 1, .type = type};
  }
  if (type == MaxMindType::extended) {
    const auto number = reader.number(1);
    if (!number || *number < 1 || *number > 8) return std::nullopt;
    type = static_cast<MaxMindType>(*number + 7);
  }
  const auto size = size_of(*control, reader);
  if (!size) return std::nullopt;
  if (type == MaxMindType::map) return MaxMindField{.size = 0, .fields = *size * 2, .type = type};
  if (type == MaxMindType::array) return MaxMindField{.size = 0, .fields = *size, .type = type};
  if (type == MaxMindType::boolean) return MaxMindField{.size = 0, .fields = 0, .type = type};
  if (!size_fits(type, *size) || *size > reader.left()) return std::nullopt;
  return MaxMindField{.size = *size, .fields = 0, .type = type};
}

// What is left of a map or array, or of what a pointer leads to, behind which the reader goes on.
struct MaxMindLevel {
  std::size_t fields = 0;
  std::optional<std::size_t> back;
};

}  // namespace

std::optional<std::size_t> count_maxmind_fields(std::string_view section, std::size_t offset) {
  std::array<MaxMindLevel, kMaxMindLevelsMax> levels{{{.fields = 1, .back = {}}}};
  std::size_t depth = 1;
  std::size_t count = 0;
  MaxMindReader reader(section, offset);
  while (depth > 0) {
    MaxMindLevel& level = levels.at(depth - 1);
    if (level.fields == 0) {
      if (level.back) reader = MaxMindReader(section, *level.back);
      --depth;
      continue;
    }
    --level.fields;
    const auto field = read_field(reader);
    if (!field || ++count > kMaxMindFieldsMax || field->fields > kMaxMindFieldsMax) return std::nullopt;
    const bool pointer = field->type == MaxMindType::pointer;
    if (field->fields > 0) {
      if (depth == levels.size()) return std::nullopt;
      levels.at(depth++) = {.fields = field->fields, .back = pointer ? std::optional(reader.at()) : std::nullopt};
    }
    if (pointer) {
      reader = MaxMindReader(section, field->size);
    } else {
      reader.skip(field->size);
    }
  }
  return count;
}

std::optional<std::string_view> maxmind_metadata(std::string_view file) {
  constexpr std::string_view kMarker = "\xAB\xCD\xEFMaxMind.com";
  const std::size_t at = file.rfind(kMarker);
  if (at == std::string_view::npos) return std::nullopt;
  return file.substr(at + kMarker.size());
}

}  // namespace sluice::io
