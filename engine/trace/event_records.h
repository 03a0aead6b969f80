// Events as records one behind the other (event/record.h), on their way from the event thread to the trace's.  One
// thread at a time.
#pragma once

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "engine/event/record.h"

namespace sluice::trace {

class EventRecords {
 public:
  // A copy of it, unless there would be more than so many bytes.  Whether it was added.
  bool add(const event::Event& event, std::size_t bytes_max);
  // Those of `other` behind these; `other` is empty then.
  void take_all(EventRecords& other);
  void clear() { bytes_.clear(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }
  // Each in its order; it is there for the call alone.
  void each(absl::FunctionRef<void(const event::Event& event)> use) const;
  void swap(EventRecords& other) noexcept { bytes_.swap(other.bytes_); }

 private:
  std::string bytes_;  // records, each behind its size
};

}  // namespace sluice::trace
