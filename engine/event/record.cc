#include "engine/event/record.h"

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "engine/base/check.h"
#include "engine/base/cut_text.h"
#include "engine/text/escape.h"

namespace sluice::event {
namespace {

using TextSize = std::uint16_t;
static_assert(kTextBytesMax + kCut.size() <= TextSize(-1));

// As much of a text as is kept, without kCut.
std::string_view kept(std::string_view text) { return cut_text(text, kTextBytesMax); }

class Writer {
 public:
  explicit Writer(std::span<char> out) : out_(out) {}
  template <typename T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes({reinterpret_cast<const char*>(&value), sizeof value});
  }
  void put(std::monostate /*left out*/) {}
  void put(std::string_view text) {
    const std::string_view begin = kept(text);
    const std::string_view end = begin.size() < text.size() ? kCut : std::string_view();
    put(static_cast<TextSize>(begin.size() + end.size()));
    bytes(begin);
    bytes(end);
  }
  [[nodiscard]] bool full() const { return out_.empty(); }

 private:
  void bytes(std::string_view some) {
    CHECK(some.size() <= out_.size());
    some.copy(out_.data(), some.size());
    out_ = out_.subspan(some.size());
  }

  std::span<char> out_;
};

class Reader {
 public:
  explicit Reader(std::span<const char> in) : in_(in.data(), in.size()) {}
  template <typename T>
  T take() {
    if constexpr (std::is_same_v<T, std::monostate>) {
      return {};
    } else if constexpr (std::is_same_v<T, std::string_view>) {
      return bytes(take<TextSize>());
    } else {
      T value;
      std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
      return value;
    }
  }
  // The alternative of Value that a tag names.
  template <std::size_t kIndex = 0>
  Value take_value(std::size_t tag) {
    if constexpr (kIndex < std::variant_size_v<Value>) {
      if (tag == kIndex) return Value(std::in_place_index<kIndex>, take<std::variant_alternative_t<kIndex, Value>>());
      return take_value<kIndex + 1>(tag);
    }
    CHECK(false);
  }

 private:
  std::string_view bytes(std::size_t size) {
    CHECK(size <= in_.size());
    const std::string_view taken = in_.substr(0, size);
    in_.remove_prefix(size);
    return taken;
  }

  std::string_view in_;
};

using Tag = std::uint8_t;

std::size_t bytes_of(std::monostate /*left out*/) { return 0; }
std::size_t bytes_of(std::string_view text) {
  const std::size_t size = kept(text).size();
  return sizeof(TextSize) + size + (size < text.size() ? kCut.size() : 0);
}
template <typename T>
std::size_t bytes_of(const T& /*a number*/) {
  return sizeof(T);
}

}  // namespace

std::size_t record_bytes(std::span<const Value> values) {
  std::size_t sum = sizeof(RecordHead) + values.size() * sizeof(Tag);
  for (const Value& value : values) sum += std::visit([](const auto& some) { return bytes_of(some); }, value);
  return sum;
}

void write_record(std::span<char> out, const RecordHead& head, std::span<const Value> values) {
  Writer writer(out);
  writer.put(head);
  for (const Value& value : values) {
    writer.put(static_cast<Tag>(value.index()));
    std::visit([&writer](const auto& some) { writer.put(some); }, value);
  }
  CHECK(writer.full());
}

Event read_record(std::span<const char> record, std::array<Value, kKeysMax>& values) {
  Reader reader(record);
  const auto head = reader.take<RecordHead>();
  const Row& row = row_of(head.kind);
  for (std::size_t i = 0; i < row.keys.size(); ++i) values[i] = reader.take_value(reader.take<Tag>());
  return {.at = head.at,
          .kind = head.kind,
          .severity = head.severity,
          .row = row,
          .values = std::span(values).first(row.keys.size())};
}

const Value* find_value(const Event& event, std::string_view key) {
  const Key* const found = find_key(event.row, key);
  return found == nullptr ? nullptr : &event.values[static_cast<std::size_t>(found - event.row.keys.data())];
}

}  // namespace sluice::event
