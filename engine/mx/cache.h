// What is known of mail domains, for as long as DNS says that it holds, within bounds; what is past
// that is kept a while longer, for when the name service fails.  A full cache forgets what was
// longest unused. One per core; its thread only.  Pure: the time is given in each call.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/lru_map.h"
#include "engine/base/time.h"
#include "engine/mx/selection.h"

namespace sluice::mx {

struct MxCacheLimits {
  std::size_t entries_max = 4096;
  // Times to live of MX hosts are brought between these two,
  Duration keep_min = std::chrono::seconds(30);
  Duration keep_max = std::chrono::hours(24);
  // of permanent failures between keep_min and this.
  Duration keep_refused_max = std::chrono::minutes(5);
  // A temporary failure is not asked for again before.
  Duration keep_failed = std::chrono::seconds(15);
  // MX hosts are used for so long past their time while the name service fails.
  Duration keep_stale = std::chrono::hours(1);
};

struct KnownMx {
  std::expected<std::vector<MxHost>, MxFailure> found;
  Instant until;            // good until then
  bool stale = false;       // past its time, and used because the name service fails
  Instant forgotten_after;  // with what it may be used beyond
};

class MxCache {
 public:
  using Known = std::shared_ptr<const KnownMx>;

  explicit MxCache(const MxCacheLimits& limits) : limits_(limits) {}

  // What is good now, or null.
  Known find(const std::string& domain, Instant now);
  // Keeps an answer, and returns what to go by: the answer, or, where it is a temporary failure,
  // what was known before.
  Known put(const std::string& domain, MxAnswer answer, Instant now);
  // What is known holds no more.
  void clear() { by_domain_.clear(); }
  [[nodiscard]] std::size_t size() const { return by_domain_.size(); }

 private:
  [[nodiscard]] KnownMx make(MxAnswer answer, Instant now) const;

  MxCacheLimits limits_;
  LruMap<Known> by_domain_;
};

}  // namespace sluice::mx
