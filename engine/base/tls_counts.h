// How many connections have agreed on which version and key exchange of TLS.  The names are those that the TLS library
// has: a peer chooses among them, and makes no new ones.  A value; one thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/tls_facts.h"

namespace sluice {

class TlsCounts {
 public:
  // More than the library has; all behind that count as one of no name.
  static constexpr std::size_t kKindsMax = 32;

  struct Kind {
    std::string version;
    std::string group;  // empty: a key exchange without one, or that of an earlier session
    std::uint64_t count = 0;
  };

  void add(const std::string& version, const std::string& group, std::uint64_t count = 1) {
    auto kind =
        std::ranges::find_if(kinds_, [&](const Kind& each) { return each.version == version && each.group == group; });
    if (kind == kinds_.end() && kinds_.size() < kKindsMax) kind = kinds_.insert(kind, {version, group, 0});
    (kind == kinds_.end() ? others_ : kind->count) += count;
  }
  void add(const TlsFacts& facts) { add(facts.version, facts.group); }
  void add(const TlsCounts& more) {
    for (const Kind& each : more.kinds_) add(each.version, each.group, each.count);
    others_ += more.others_;
  }

  // In the order in which they came first.
  [[nodiscard]] std::span<const Kind> kinds() const { return kinds_; }
  [[nodiscard]] std::uint64_t others() const { return others_; }

 private:
  std::vector<Kind> kinds_;
  std::uint64_t others_ = 0;
};

}  // namespace sluice
