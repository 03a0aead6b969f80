// What the trace costs and how soon it answers:   bench_trace [MESSAGES [DIRECTORY]]      (a million, a temporary one)
//                                                            bench_trace MESSAGES DIRECTORY sqlite
//
// Writes so many messages of generated customers, each with one delivery attempt and one in twenty with three, and says
// what each needs of the CPU and has on the disk: of a core, which makes its events and puts them in line; of the event
// thread, which copies them; and of the trace's thread, which compresses and writes them.  Then it looks for one
// message, or the newest 100, by each kind of key: cold, once the kernel was told to forget the files, and warm; and
// again while 10,000 messages a second come in.  What a query needs to open the files counts.  Exits with 1 where
// something is not found.  With "sqlite" the same messages go into a table of SQLite's, too, with an index for each
// key.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/trace_sqlite.h"
#include "engine/event/events.h"
#include "engine/io/real_platform.h"
#include "engine/trace/event_records.h"
#include "engine/trace/search.h"
#include "engine/trace/segment_writer.h"
#include "tests/support/traced_mail.h"

namespace {

using namespace sluice;
using namespace sluice::trace;

constexpr WallMillis kBegin = 1'795'900'000'000;
constexpr std::size_t kNewest = 100;

double thread_cpu_us() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return 1e6 * static_cast<double>(used.tv_sec) + 1e-3 * static_cast<double>(used.tv_nsec);
}

// What is done for an event on a core, on the event thread, and on the trace's.
struct WriteCost {
  double core_us = 0;
  double event_thread_us = 0;
  double trace_thread_us = 0;
  WriteCost& operator+=(const WriteCost& other) {
    core_us += other.core_us;
    event_thread_us += other.event_thread_us;
    trace_thread_us += other.trace_thread_us;
    return *this;
  }
};

class Store {
 public:
  Store(io::Disk& disk, const std::string& directory)
      : writer_(disk, directory, {.days = 3650, .bytes_max = std::uint64_t{1} << 42, .free_bytes_min = 0}) {}

  // As cores create its events; write() goes on with them.  Nothing else is done between the first of these and that.
  void message(const TracedMail& sent, WallMillis at, int attempts) {
    if (created_.empty()) core_begin_us_ = thread_cpu_us();
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
    for (int i = 1; i <= attempts; ++i) {
      detail_ = i < attempts ? "4.7.1 Greylisted, see https://d.example/" : "2.0.0 Ok: queued as ";
      detail_ += sent.queued_as;
      add(at + 300 * i, event::Delivery{.id = sent.id,
                                        .verdict = i < attempts ? "deferred" : "relayed",
                                        .to = sent.to,
                                        .next_hop = sent.next_hop,
                                        .next_hop_address = sent.client,
                                        .detail = detail_});
    }
  }
  WriteCost write() {
    WriteCost cost;
    if (created_.empty()) return cost;
    double begin = thread_cpu_us();
    cost.core_us = begin - core_begin_us_;
    created_.each([this](const event::Event& event) { taken_.add(event, SIZE_MAX); });
    cost.event_thread_us = thread_cpu_us() - begin;
    begin = thread_cpu_us();
    taken_.each([this](const event::Event& event) {
      block_.add(event);
      if (block_.full()) flush(event.at);
    });
    cost.trace_thread_us = thread_cpu_us() - begin;
    created_.clear();
    taken_.clear();
    return cost;
  }
  WriteCost flush(WallMillis at) {
    if (block_.empty()) return {};
    const double begin = thread_cpu_us();
    if (const auto written = writer_.append(block_.finish(), at); !written) {
      std::fprintf(stderr, "bench_trace: %s\n", written.error().c_str());
      std::exit(1);
    }
    return {.trace_thread_us = thread_cpu_us() - begin};
  }

 private:
  template <typename T>
  void add(WallMillis at, const T& event) {
    const auto values = event::values_of(event);
    created_.add(
        {.at = at, .kind = T::kKind, .severity = T::kSeverity, .row = event::row_of(T::kKind), .values = values},
        SIZE_MAX);
  }
  EventRecords created_;
  EventRecords taken_;
  BlockWriter block_;
  SegmentWriter writer_;
  std::string detail_;
  double core_begin_us_ = 0;
};

struct Mail {
  TracedMail sent;
  int attempts = 1;
};

Mail next_mail(TracedMailbag& mailbag) {
  Mail mail{.sent = mailbag.next()};
  mail.attempts = mailbag.random() % 20 == 0 ? 3 : 1;
  return mail;
}

void forget(const std::string& directory) {
  sync();
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
}

// How many were found; -1: the files cannot be read.
int look_for(io::Disk& disk, const std::string& directory, const Query& query, SearchWork& work) {
  auto search = TraceSearch::open(disk, directory, query);
  if (!search) return -1;
  std::size_t found = 0;
  search->run([&found](const TracedMessage& /*message*/) { return ++found < kNewest; });
  work = search->work();
  return search->faults().empty() ? static_cast<int>(found) : -1;
}

bool measure(io::Disk& disk, const std::string& directory, const char* name, const Query& query) {
  using clock = std::chrono::steady_clock;
  std::array<double, 2> ms{};
  int found = 0;
  double cpu = 0;
  SearchWork work;
  forget(directory);
  for (double& each : ms) {
    const auto begin = clock::now();
    cpu = thread_cpu_us();
    found = look_for(disk, directory, query, work);
    cpu = thread_cpu_us() - cpu;
    each = std::chrono::duration<double, std::milli>(clock::now() - begin).count();
  }
  std::printf("  %-18s %4d found, cold %8.1f ms, warm %8.1f ms (%.1f ms of CPU; %llu blocks unpacked, %llu scanned)\n",
              name, found, ms[0], ms[1], cpu / 1e3, static_cast<unsigned long long>(work.blocks_unpacked),
              static_cast<unsigned long long>(work.blocks_scanned));
  return found > 0;
}

bool measure_all(io::Disk& disk, const std::string& directory, const TracedMail& one) {
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

std::uintmax_t bytes_in(const std::string& directory) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) bytes += entry.file_size();
  return bytes;
}

// In parts, so that what it takes to make them up does not count.
void make(TracedMailbag& mailbag, std::uint64_t messages, std::vector<TracedMail>& chosen,
          const std::function<void(const Mail& mail, WallMillis at)>& keep, const std::function<void()>& end_part) {
  constexpr std::uint64_t kPart = 10'000;
  std::vector<Mail> part;
  for (std::uint64_t done = 0; done < messages; done += part.size()) {
    part.clear();
    while (part.size() < std::min(kPart, messages - done)) {
      part.push_back(next_mail(mailbag));
      const std::uint64_t number = done + part.size() - 1;
      // One of the oldest, and one from the middle.
      if (number == messages / 50 || number == messages / 2) chosen.push_back(part.back().sent);
    }
    for (std::uint64_t i = 0; i < part.size(); ++i) keep(part[i], kBegin + static_cast<WallMillis>((done + i) / 10));
    end_part();
  }
}

// A block is written each second at the latest: under little traffic there are few messages in it.
void measure_small_blocks(io::Disk& disk, const std::string& directory, TracedMailbag& mailbag) {
  constexpr int kBlocks = 200;
  for (const int messages : {1, 10, 100}) {
    {
      Store store(disk, directory);
      for (int block = 0; block < kBlocks; ++block) {
        for (int i = 0; i < messages; ++i) {
          const Mail mail = next_mail(mailbag);
          store.message(mail.sent, kBegin, mail.attempts);
        }
        store.write();
        store.flush(kBegin);
      }
    }
    std::printf("blocks of %d messages: %.0f bytes each\n", messages,
                static_cast<double>(bytes_in(directory)) / (kBlocks * messages));
    std::filesystem::remove_all(directory);
  }
}

std::string cost_text(const WriteCost& cost, double messages) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(),
                "%.2f us of CPU (%.2f to make the events, %.2f of the event thread, %.2f of the trace's thread)",
                (cost.core_us + cost.event_thread_us + cost.trace_thread_us) / messages, cost.core_us / messages,
                cost.event_thread_us / messages, cost.trace_thread_us / messages);
  return text.data();
}

// Looks for each thing while 10,000 messages a second are added.
bool measure_while_written(io::Disk& disk, const std::string& directory, Store& store, TracedMailbag& mailbag,
                           WallMillis at, const TracedMail& one) {
  using clock = std::chrono::steady_clock;
  constexpr int kTick = 100;
  std::atomic<bool> ended = false;
  std::uint64_t written = 0;
  WriteCost cost;
  const auto begin = clock::now();
  std::thread writer([&] {
    auto due = clock::now();
    while (!ended) {
      std::vector<Mail> tick(kTick);
      for (Mail& mail : tick) mail = next_mail(mailbag);
      for (const Mail& mail : tick)
        store.message(mail.sent, at + static_cast<WallMillis>(written++ / 10), mail.attempts);
      cost += store.write();
      due += std::chrono::milliseconds(10);
      std::this_thread::sleep_until(due);
    }
  });
  const bool all = measure_all(disk, directory, one);
  ended = true;
  writer.join();
  const double seconds = std::chrono::duration<double>(clock::now() - begin).count();
  std::printf("  %llu messages were added meanwhile, %.0f a second, with %s each\n",
              static_cast<unsigned long long>(written), static_cast<double>(written) / seconds,
              cost_text(cost, static_cast<double>(written)).c_str());
  return all;
}

void measure_sqlite(const std::string& directory, std::uint64_t messages) {
  using clock = std::chrono::steady_clock;
  std::filesystem::create_directories(directory);
  const std::string file = directory + "/trace.sqlite";
  std::vector<TracedMail> chosen;
  TracedMailbag mailbag(1);
  SqliteTrace store(file);
  std::uint64_t kept = 0;
  double cost = 0;
  double begin = thread_cpu_us();
  make(
      mailbag, messages, chosen,
      [&](const Mail& mail, WallMillis at) {
        if (kept == 0) begin = thread_cpu_us();
        store.message(mail.sent, at, mail.attempts);
        if (++kept % 1000 == 0) store.commit();
      },
      [&] {
        store.commit();
        cost += thread_cpu_us() - begin;
        kept = 0;
      });
  const auto count = static_cast<double>(messages);
  std::printf("SQLite: %.2f us of CPU each, %.0f bytes each\n", cost / count,
              static_cast<double>(bytes_in(directory)) / count);
  const TracedMail& one = chosen.front();
  for (const auto& [column, value] :
       std::vector<std::pair<const char*, std::string>>{{"id", one.id},
                                                        {"message_id", one.message_id},
                                                        {"account", one.account},
                                                        {"customer", one.customer},
                                                        {"sender", one.account},
                                                        {"recipient", one.to},
                                                        {"next_hop", one.next_hop.substr(0, one.next_hop.find(':'))},
                                                        {"client", one.client},
                                                        {"domain", one.to.substr(one.to.find('@') + 1)},
                                                        {"verdict", "deferred"}}) {
    std::array<double, 2> ms{};
    int found = 0;
    forget(directory);
    for (double& each : ms) {
      const auto before = clock::now();
      found = store.find(column, value);
      each = std::chrono::duration<double, std::milli>(clock::now() - before).count();
    }
    std::printf("  %-18s %4d events, cold %8.1f ms, warm %8.1f ms\n", column, found, ms[0], ms[1]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t messages = 1'000'000;
  if (argc > 1) {
    const std::string_view text = argv[1];
    if (std::from_chars(text.data(), text.data() + text.size(), messages).ec != std::errc() || messages == 0) {
      std::fprintf(stderr, "usage: bench_trace [MESSAGES [DIRECTORY [sqlite]]]\n");
      return 2;
    }
  }
  const std::string directory =
      argc > 2 ? argv[2] : std::filesystem::temp_directory_path() / ("bench-trace-" + std::to_string(getpid()));
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto disk = io::make_real_disk();
  TracedMailbag mailbag(1);
  std::vector<TracedMail> chosen;
  bool all = true;
  {
    Store store(*disk, directory);
    const WallMillis end = kBegin + static_cast<WallMillis>(messages / 10);
    WriteCost cost;
    make(
        mailbag, messages, chosen,
        [&](const Mail& mail, WallMillis at) { store.message(mail.sent, at, mail.attempts); },
        [&] { cost += store.write(); });
    cost += store.flush(end);
    const auto count = static_cast<double>(messages);
    std::printf("%llu messages: %s, %.0f bytes each\n", static_cast<unsigned long long>(messages),
                cost_text(cost, count).c_str(), static_cast<double>(bytes_in(directory)) / count);
    for (const TracedMail& one : chosen) {
      std::printf("what is known of %s:\n", one.id.c_str());
      all = measure_all(*disk, directory, one) && all;
    }
    std::printf("what is known of %s, while 10,000 messages a second come in:\n", chosen.back().id.c_str());
    all = measure_while_written(*disk, directory, store, mailbag, end, chosen.back()) && all;
  }
  std::filesystem::remove_all(directory);
  measure_small_blocks(*disk, directory, mailbag);
  if (argc > 3 && std::string_view(argv[3]) == "sqlite") {
    measure_sqlite(directory, messages);
    std::filesystem::remove_all(directory);
  }
  return all ? 0 : 1;
}
