// When the certificates in the directory expire, as monitoring shows it: those that do so soonest, whatever the number
// of hosts.  Reads files: blocking, some at each step; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/metrics/family.h"

namespace sluice::server {

class CertificateWatch {
 public:
  static constexpr std::size_t kShown = 50;
  static constexpr std::size_t kHostsAtOnce = 20;  // about 100 us each
  static constexpr Duration kAgain = std::chrono::minutes(5);

  // Goes on with the pass over the hosts of `directory`, or begins another one if the last one is old enough.
  void look(const std::string& directory, Instant now, WallMillis wall);
  [[nodiscard]] metrics::Family family() const;

 private:
  std::vector<std::string> left_;             // hosts of the pass under way
  std::map<std::string, std::int64_t> pass_;  // when each expires, in seconds since 1970
  std::map<std::string, std::int64_t> found_;
  bool looking_ = false;
  Instant next_;
};

}  // namespace sluice::server
