// How long a relay takes to find a large queue again, and what it costs in memory: writes messages into the segments of
// a spool, then recovers them as a start does, and hands them to a schedule as a core does.
//
//   bench_spool_recovery [MESSAGES] [DIRECTORY]      a million, in a folder under /var/tmp that goes afterwards
#include <malloc.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "bench/large_spool.h"
#include "engine/io/disk.h"
#include "engine/io/real_platform.h"
#include "engine/schedule/schedule.h"
#include "engine/spool/recovery.h"

namespace {

using namespace sluice;

constexpr std::size_t kDomains = 1000;
constexpr std::size_t kCustomers = 500;

// One message of about a kilobyte, with a status that says it was tried before.
bench::LargeSpoolMessage tried_before(std::uint64_t number) {
  bench::LargeSpoolMessage made{.id = number + 1, .stored = {}, .status = {}, .content = std::string(700, 'x')};
  made.stored.envelope.reverse_path = "user" + std::to_string(made.id % 5000) + "@customer.example";
  made.stored.envelope.recipients.push_back(
      {.forward_path = "someone@d" + std::to_string(made.id % kDomains) + ".example"});
  made.stored.submitter = {.customer = "customer-" + std::to_string(made.id % kCustomers),
                           .account = "user@customer.example"};
  made.status.recipients.resize(1);
  made.status.add(
      {.at = 1000, .next_hop = "mx.example:25", .recipients = 1, .code = 451, .text = "4.3.0 try again later"});
  return made;
}

double seconds_since(io::Clock& clock, Instant begin) {
  return std::chrono::duration<double>(clock.now() - begin).count();
}

std::size_t heap_in_use() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t messages = 1'000'000;
  if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), messages);
  const std::string directory = argc > 2 ? argv[2] : "/var/tmp/sluice-recovery-bench";
  const auto disk = io::make_real_disk();
  const auto clock = io::make_real_clock();
  if (!disk->make_directory(directory)) return 1;
  bench::write_spool(*disk, directory, messages, tried_before);

  const std::size_t before = heap_in_use();
  schedule::Schedule schedule({});
  std::vector<spool::Share> shares;
  std::uint64_t found = 0;
  const Instant begin = clock->now();
  {
    spool::Recovery recovery(*disk, directory,
                             [](const std::string& note) { std::fprintf(stderr, "%s\n", note.c_str()); });
    const auto read = recovery.run([&](const spool::Recovered& message) {
      ++found;
      const std::string& to = message.stored.envelope.recipients.front().forward_path;
      schedule.add({.message = message.id,
                    .destination = schedule.destination(to.substr(to.find('@') + 1)),
                    .customer = schedule.customer(message.stored.submitter.customer),
                    .due = begin,
                    .first_attempt = false},
                   begin);
    });
    if (!read) return 1;
    shares = recovery.divide(2);
  }
  std::printf("%llu messages recovered and scheduled in %.1f s, %.0f bytes of memory each\n",
              static_cast<unsigned long long>(found), seconds_since(*clock, begin),
              static_cast<double>(heap_in_use() - before) / static_cast<double>(found));
  std::filesystem::remove_all(directory);
  return found == messages ? 0 : 1;
}
