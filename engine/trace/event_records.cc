#include "engine/trace/event_records.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace sluice::trace {
namespace {

using RecordSize = std::uint32_t;

}  // namespace

bool EventRecords::add(const event::Event& event, std::size_t bytes_max) {
  const std::size_t size = event::record_bytes(event.values);
  const std::size_t begin = bytes_.size();
  const std::size_t end = begin + sizeof(RecordSize) + size;
  if (end > bytes_max) return false;
  bytes_.resize_and_overwrite(end, [end](char* /*out*/, std::size_t /*room*/) { return end; });
  const auto written = static_cast<RecordSize>(size);
  std::memcpy(bytes_.data() + begin, &written, sizeof written);
  event::write_record(std::span(bytes_).subspan(begin + sizeof written),
                      {.at = event.at, .kind = event.kind, .severity = event.severity}, event.values);
  return true;
}

void EventRecords::take_all(EventRecords& other) {
  if (bytes_.empty()) {
    bytes_.swap(other.bytes_);
  } else {
    bytes_ += other.bytes_;
  }
  other.bytes_.clear();
}

void EventRecords::each(absl::FunctionRef<void(const event::Event& event)> use) const {
  std::array<event::Value, event::kKeysMax> values;
  for (std::span<const char> rest(bytes_); !rest.empty();) {
    RecordSize size = 0;
    std::memcpy(&size, rest.data(), sizeof size);
    use(event::read_record(rest.subspan(sizeof size, size), values));
    rest = rest.subspan(sizeof size + size);
  }
}

}  // namespace sluice::trace
