// Fills the spool of a relay that does not run with small messages, for bench/queue_at_a_million.  Of ten, four are for
// sink.example, three are held (for 2,000 domains below mx.example; every tenth of these has a second recipient in
// another), three are for dead.example and were tried before.  100 customers with 50 senders each.
//
//   bench_fill_spool DIRECTORY COUNT
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>

#include "bench/large_spool.h"
#include "engine/io/disk.h"
#include "engine/io/real_platform.h"
#include "engine/message/queue_id.h"
#include "engine/spool/directory.h"

namespace {

using namespace sluice;

constexpr std::uint64_t kCustomers = 100;
constexpr std::uint64_t kSenders = 5000;
constexpr std::uint64_t kDomains = 2000;
constexpr WallMillis kHour = 3'600'000;

class Maker {
 public:
  explicit Maker(WallMillis now) : now_(now) {}

  bench::LargeSpoolMessage operator()(std::uint64_t number) {
    const std::uint64_t kind = number % 10;
    const std::uint64_t n = number / 10;
    const std::string customer = "c" + std::to_string(n % kCustomers);
    const std::string sender = "user" + std::to_string(n % kSenders) + "@" + customer + ".example";
    bench::LargeSpoolMessage made{.id = ids_.next(now_), .stored = {}, .status = {}, .content = kContent};
    made.stored.envelope.id = message::queue_id_text(made.id);
    made.stored.envelope.reverse_path = sender;
    made.stored.submitter = {.customer = customer, .account = sender};
    made.stored.arrived = now_;
    made.status.due = now_;
    const auto add = [&](const std::string& domain) {
      made.stored.envelope.recipients.push_back({.forward_path = "r" + std::to_string(n) + "@" + domain});
      made.status.recipients.emplace_back();
    };
    if (kind < 4) {
      add("sink.example");
    } else if (kind < 7) {
      add("d" + std::to_string(n % kDomains) + ".mx.example");
      if (n % 10 == 0) add("d" + std::to_string((n + 1) % kDomains) + ".mx.example");
      made.status.held = true;
    } else {
      add("dead.example");
      made.status.due = now_ + kHour;
      made.status.add({.at = now_, .next_hop = "dead.example:25", .recipients = 1, .text = "Connection refused"});
    }
    return made;
  }

 private:
  static inline const std::string kContent = "Subject: one of a million\r\n\r\n" + std::string(300, 'x') + "\r\n";
  WallMillis now_;
  message::QueueIdSequence ids_{0};
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t count = 0;
  if (argc == 3) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), count);
  bench::must(count > 0, "usage: bench_fill_spool DIRECTORY COUNT");
  const auto disk = io::make_real_disk();
  const auto clock = io::make_real_clock();
  const auto directory = spool::Directory::open(*disk, argv[1], "relay.bench.example");
  if (!directory) bench::must(false, directory.error().text.c_str());
  bench::write_spool(*disk, argv[1], count, Maker(clock->wall()));
  (*directory)->leave();
  return 0;
}
