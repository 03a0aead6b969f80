// What monitoring is answered by HTTP: /metrics, /healthz and /readyz, from before the spool is read until the relay
// has ended.  On a thread of its own, which asks the cores and waits for none of them longer than kAnswerMax; what it
// has rendered is good for a second, so that a storm of scrapes costs the cores one answer a second.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"
#include "engine/metrics/exposition.h"
#include "engine/metrics/http_server.h"
#include "engine/server/core_probe.h"

namespace sluice::server {

// A core that has made no turn for so long is stuck.
inline constexpr Duration kCoreStuckAfter = std::chrono::seconds(10);

class Monitoring {
 public:
  // What is asked on the monitoring thread.  All may be empty.
  struct Sources {
    std::function<std::vector<metrics::Family>()> more;                // families of others
    std::function<void()> step{};                                      // at each tick
    std::function<std::optional<std::uint64_t>()> spool_free_bytes{};  // of the file system that the spool is on
  };
  // `clock` outlives it.
  Monitoring(Sources sources, io::Clock& clock);

  // `sockets` listen, and are its own from here on.  `allow`: see HttpServer.
  std::expected<void, std::string> start(const std::vector<int>& sockets, std::vector<Network> allow);
  // The cores run: from now on they are asked, and the relay is ready.
  void set_cores(std::vector<std::unique_ptr<CoreProbe>> cores);
  // It is not, any more.
  void begin_drain();
  // Before the cores end: they are not asked any more.  Any thread.
  void leave_cores();
  void stop();

  // On the monitoring thread.
  [[nodiscard]] metrics::HttpAnswer answer(std::string_view path, std::string_view accept);
  void tick();

 private:
  enum class Phase : std::uint8_t { starting, ready, draining };
  struct Rendered {
    std::shared_ptr<const std::string> text;
    Instant at;
  };
  using Probes = std::vector<std::unique_ptr<CoreProbe>>;

  [[nodiscard]] std::shared_ptr<const Probes> probes() const;
  // A line for each core that is stuck.
  [[nodiscard]] std::string stuck(Instant now) const;
  [[nodiscard]] std::shared_ptr<const std::string> render(metrics::Format format);
  [[nodiscard]] std::vector<metrics::Family> collect();
  [[nodiscard]] std::vector<metrics::Family> process_families() const;

  const Sources sources_;
  io::Clock& clock_;
  const WallMillis started_;
  std::atomic<Phase> phase_{Phase::starting};
  mutable std::mutex mutex_;  // over the next one
  std::shared_ptr<const Probes> probes_ = std::make_shared<const Probes>();
  std::array<Rendered, 2> rendered_;  // by format
  std::unique_ptr<metrics::HttpServer> server_;
};

}  // namespace sluice::server
