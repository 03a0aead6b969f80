// What the trace costs and how soon it answers:   bench_trace [MESSAGES [DIRECTORY]]      (a million, a temporary one)
//
// Writes so many messages of generated customers, each with one delivery attempt and one in twenty with three, and says
// what the trace's thread needs for each and what each has on the disk.  Then it looks for one message, or the newest
// 100, by each kind of key: cold, once the kernel was told to forget the files, and warm.  What a query needs to open
// the files counts.  Exits with 1 where something is not found.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/event/events.h"
#include "engine/io/real_platform.h"
#include "engine/trace/search.h"
#include "engine/trace/segment_writer.h"

namespace {

using namespace sluice;
using namespace sluice::trace;

constexpr WallMillis kBegin = 1'795'900'000'000;
constexpr std::size_t kNewest = 100;

double cpu_us() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return 1e6 * static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

std::string named(const char* before, std::uint64_t number, const char* after) {
  return before + std::to_string(number) + after;
}

struct Sent {
  std::string id, message_id, account, customer, to, client, next_hop;
};

// Some accounts and destinations have most of the mail, as is usual.
class Population {
 public:
  Sent next() {
    ++count_;
    const std::uint64_t account = skewed(100'000);
    const std::uint64_t domain = skewed(50'000);
    return {.id = named("0SCJ", 1'000'000'000 + count_, "0"),
            .message_id = "<" + hex() + hex() + "@mua" + std::to_string(account) + ".example>",
            .account = named("user", account, "@c") + std::to_string(account / 10) + ".example",
            .customer = named("customer ", account / 10, ""),
            .to = named("rcpt", random_() % 2'000'000, "@d") + std::to_string(domain) + ".example",
            .client = named("100.", account % 200, ".") + std::to_string(account / 200 % 250) + "." +
                      std::to_string(random_() % 250),
            .next_hop = named("mx", random_() % 3, ".d") + std::to_string(domain) + ".example:25"};
  }
  std::string hex() {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(random_()));
    return text.data();
  }
  std::uint64_t random() { return random_(); }

 private:
  std::uint64_t skewed(std::uint64_t below) {
    const std::uint64_t one = random_() % below;
    return random_() % 3 == 0 ? one : one * one / below;
  }
  std::mt19937_64 random_{1};
  std::uint64_t count_ = 0;
};

class Store {
 public:
  Store(io::Disk& disk, const std::string& directory)
      : writer_(disk, directory, {.days = 3650, .bytes_max = std::uint64_t{1} << 42, .free_bytes_min = 0}) {}

  void message(const Sent& sent, WallMillis at, Population& population) {
    add(at, event::Message{.id = sent.id,
                           .verdict = "taken",
                           .client = sent.client,
                           .customer = sent.customer,
                           .account = sent.account,
                           .from = sent.account,
                           .author = sent.account,
                           .to = sent.to,
                           .message_id = sent.message_id,
                           .reply = "2.0.0 Ok: queued"});
    const int attempts = population.random() % 20 == 0 ? 3 : 1;
    for (int i = 1; i <= attempts; ++i) {
      const std::string detail = i < attempts ? "4.7.1 Greylisted, see https://d.example/" + population.hex()
                                              : "2.0.0 Ok: queued as " + population.hex();
      add(at + 300 * i, event::Delivery{.id = sent.id,
                                        .verdict = i < attempts ? "deferred" : "relayed",
                                        .to = sent.to,
                                        .next_hop = sent.next_hop,
                                        .next_hop_address = sent.client,
                                        .detail = detail});
    }
  }
  void flush(WallMillis at) {
    if (block_.empty()) return;
    if (const auto written = writer_.append(block_.finish(), at); !written) {
      std::fprintf(stderr, "bench_trace: %s\n", written.error().c_str());
      std::exit(1);
    }
  }

 private:
  template <typename T>
  void add(WallMillis at, const T& event) {
    const auto values = event::values_of(event);
    block_.add(
        {.at = at, .kind = T::kKind, .severity = T::kSeverity, .row = event::row_of(T::kKind), .values = values});
    if (block_.full()) flush(at);
  }
  BlockWriter block_;
  SegmentWriter writer_;
};

void forget(const std::string& directory) {
  sync();
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
}

// How many were found; -1: the files cannot be read.
int look_for(io::Disk& disk, const std::string& directory, const Query& query) {
  auto search = TraceSearch::open(disk, directory, query);
  if (!search) return -1;
  std::size_t found = 0;
  search->run([&found](const TracedMessage& /*message*/) { return ++found < kNewest; });
  return search->faults().empty() ? static_cast<int>(found) : -1;
}

bool measure(io::Disk& disk, const std::string& directory, const char* name, const Query& query) {
  using clock = std::chrono::steady_clock;
  std::array<double, 2> ms{};
  int found = 0;
  forget(directory);
  for (double& each : ms) {
    const auto begin = clock::now();
    found = look_for(disk, directory, query);
    each = std::chrono::duration<double, std::milli>(clock::now() - begin).count();
  }
  std::printf("  %-18s %4d found, cold %8.1f ms, warm %8.1f ms\n", name, found, ms[0], ms[1]);
  return found > 0;
}

bool measure_all(io::Disk& disk, const std::string& directory, const Sent& one) {
  const auto key = [](KeyKind kind, std::string value) {
    return Query{.keys = {{.kind = kind, .value = std::move(value)}}};
  };
  const std::string domain = one.to.substr(one.to.find('@') + 1);
  const std::string host = one.next_hop.substr(0, one.next_hop.find(':'));
  bool all = true;
  for (const auto& [name, query] : std::vector<std::pair<const char*, Query>>{
           {"id", key(KeyKind::id, one.id)},
           {"Message-ID", key(KeyKind::message_id, one.message_id.substr(1, one.message_id.size() - 2))},
           {"account", key(KeyKind::account, one.account)},
           {"customer", key(KeyKind::customer, one.customer)},
           {"sender", key(KeyKind::sender, one.account)},
           {"recipient", key(KeyKind::recipient, one.to)},
           {"next hop", key(KeyKind::next_hop, host)},
           {"client", key(KeyKind::client, one.client)},
           {"recipient's domain", key(KeyKind::recipient_domain, domain)},
           {"verdict", key(KeyKind::verdict, "deferred")},
           {"words", Query{.words = "greylisted"}}})
    all = measure(disk, directory, name, query) && all;
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t messages = 1'000'000;
  if (argc > 1) {
    const std::string_view text = argv[1];
    if (std::from_chars(text.data(), text.data() + text.size(), messages).ec != std::errc() || messages == 0) {
      std::fprintf(stderr, "usage: bench_trace [MESSAGES [DIRECTORY]]\n");
      return 2;
    }
  }
  const std::string directory = argc > 2 ? argv[2]
                                         : std::filesystem::temp_directory_path() /
                                               named("bench-trace-", static_cast<std::uint64_t>(getpid()), "");
  const auto disk = io::make_real_disk();
  Population population;
  std::vector<Sent> chosen;  // one of the oldest, and one from the middle
  double generating = cpu_us();
  for (std::uint64_t i = 0; i < messages / 10; ++i) (void)population.next();
  generating = (cpu_us() - generating) * 10;
  const double begin = cpu_us();
  {
    Store store(*disk, directory);
    for (std::uint64_t i = 0; i < messages; ++i) {
      const Sent sent = population.next();
      if (i == messages / 50 || i == messages / 2) chosen.push_back(sent);
      store.message(sent, kBegin + static_cast<WallMillis>(i / 10), population);
    }
    store.flush(kBegin + static_cast<WallMillis>(messages / 10));
  }
  const double cost = cpu_us() - begin;
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) bytes += entry.file_size();
  const auto count = static_cast<double>(messages);
  std::printf("%llu messages: %.2f us of CPU each (at most %.2f of it to make them up), %.0f bytes each\n",
              static_cast<unsigned long long>(messages), cost / count, generating / count,
              static_cast<double>(bytes) / count);
  bool all = true;
  for (const Sent& one : chosen) {
    std::printf("what is known of %s:\n", one.id.c_str());
    all = measure_all(*disk, directory, one) && all;
  }
  std::filesystem::remove_all(directory);
  return all ? 0 : 1;
}
