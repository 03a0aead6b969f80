// Group commit against the disk itself: messages of 4 KB that many writers store at once, each waiting for its own,
// beside a bare loop of direct RWF_DSYNC writes of the size that a batch had.  Both in one run, in turns: machines
// drift.
//
//   bench_spool_commit [SECONDS] [DIRECTORY]      2 seconds a round in a folder of its own under the working directory
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/io/aligned.h"
#include "engine/io/real_platform.h"
#include "engine/io/real_ring.h"
#include "engine/spool/spool.h"

namespace {

using namespace sluice;
using namespace sluice::spool;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kSegmentBytes = 64U << 20;
constexpr std::uint32_t kSegments = 24;
constexpr std::size_t kContentBytes = 4096;
constexpr int kRounds = 5;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

struct Result {
  double messages_per_s = 0;
  double messages_per_batch = 0;
  std::size_t batch_bytes = 0;
};

class Core {
 public:
  Core(io::Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {
    for (std::uint32_t number = 1; number <= kSegments; ++number) {
      const auto file = disk_.create(directory_ + "/" + free_name(number), kSegmentBytes);
      CHECK(file);
      disk_.close(*file);
    }
  }

  Result run(std::size_t writers, double for_seconds) {
    Share share{.free = free_files()};
    std::atomic<std::uint32_t> last_number{kSegments};
    Spool spool(loop_, last_number, {.log = {.directory = directory_, .segment_bytes = kSegmentBytes}},
                std::move(share), [](const std::string& text) { std::printf("%s\n", text.c_str()); });
    Result result;
    {
      TaskSet tasks;
      loop_.post([&] { spool.start(); });
      run_until([&] { return spool.log_counters().segments_begun > 0; });
      stop_ = false;
      const LogCounters before = spool.log_counters();
      const auto begin = Clock::now();
      loop_.post([&] {
        for (std::size_t i = 0; i < writers; ++i) tasks.add(write(spool));
      });
      run_until([&] { return seconds(Clock::now() - begin) >= for_seconds; });
      const double took = seconds(Clock::now() - begin);
      const LogCounters& after = spool.log_counters();
      const double records = static_cast<double>(after.records - before.records);
      const double batches = static_cast<double>(after.batches - before.batches);
      result = {.messages_per_s = records / took,
                .messages_per_batch = records / batches,
                .batch_bytes = static_cast<std::size_t>(static_cast<double>(after.bytes - before.bytes) / batches)};
      stop_ = true;
      run_until([&] { return tasks.live() == 0; });
      loop_.post([&] { tasks.add(spool.close()); });
      run_until([&] { return tasks.live() == 0; });
      run_until([&] { return loop_.operations_live() == 0; });
    }
    return result;
  }

 private:
  // All of them, which are written already, as they are once a log goes round.
  std::vector<FreeFile> free_files() {
    std::vector<FreeFile> free;
    const auto entries = disk_.list(directory_);
    CHECK(entries);
    for (const io::DiskEntry& entry : *entries) {
      free.push_back({.name = free_name(++last_free_), .bytes = kSegmentBytes});
      CHECK(disk_.rename(directory_ + "/" + entry.name, directory_ + "/" + free.back().name));
    }
    return free;
  }
  template <typename Until>
  void run_until(Until until) {
    loop_.turn(Duration::zero());
    while (!until()) loop_.turn(std::chrono::milliseconds(5));
  }
  Task<void> write(Spool& spool) {
    Chain content;
    content.append_copy(std::string(kContentBytes, 'x'));
    Stored stored{.submitter = {.customer = "customer", .account = "account"}, .content_bytes = kContentBytes};
    stored.envelope.reverse_path = "sender@customer.example";
    stored.envelope.recipients.push_back({.forward_path = "recipient@example.org"});
    message::DeliveryStatus status;
    status.recipients.resize(1);
    while (!stop_) CHECK(co_await spool.store(++last_id_, stored, status, content));
  }

  io::Disk& disk_;
  std::string directory_;
  std::unique_ptr<io::Ring> ring_ = *io::make_real_ring({.submissions = 256, .completions = 4096, .buffers = 64});
  std::unique_ptr<io::Sockets> sockets_ = io::make_real_sockets();
  std::unique_ptr<io::Clock> clock_ = io::make_real_clock();
  std::unique_ptr<io::Random> random_ = io::make_real_random();
  std::unique_ptr<io::Workers> workers_ = io::make_real_workers(2, 64);
  io::Loop loop_{{*ring_, *sockets_, *clock_, *random_, *workers_, disk_}, {.buffers = 64}};
  std::uint32_t last_free_ = kSegments;
  QueueId last_id_ = 0;
  bool stop_ = false;
};

// Writes a second of the disk itself, one after the other.
double bare_writes(io::Disk& disk, const std::string& directory, std::size_t bytes, double for_seconds) {
  bytes = std::max<std::size_t>((bytes + kBlockBytes / 2) / kBlockBytes * kBlockBytes, kBlockBytes);
  const auto file = disk.create(directory + "/bare", kSegmentBytes);
  CHECK(file);
  io::AlignedBytes memory(bytes);
  std::uint64_t writes = 0;
  std::uint64_t at = 0;
  const auto begin = Clock::now();
  while (seconds(Clock::now() - begin) < for_seconds) {
    CHECK(disk.write(*file, at, memory.view(), /*durable=*/true));
    at = at + 2 * bytes > kSegmentBytes ? 0 : at + bytes;
    ++writes;
  }
  const double took = seconds(Clock::now() - begin);
  disk.close(*file);
  CHECK(disk.remove(directory + "/bare"));
  return static_cast<double>(writes) / took;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void compare(Core& core, io::Disk& disk, const std::string& directory, std::size_t writers, double for_seconds) {
  std::vector<double> ratios;
  std::vector<double> rates;
  Result last;
  for (int round = 0; round < kRounds; ++round) {
    last = core.run(writers, for_seconds);
    const double bare = bare_writes(disk, directory, last.batch_bytes, for_seconds) * last.messages_per_batch;
    rates.push_back(last.messages_per_s);
    ratios.push_back(last.messages_per_s / bare);
    std::printf("  %zu writers: %.0f messages/s, %.1f in a write of %zu KB; bare writes would take %.0f: %.0f %%\n",
                writers, last.messages_per_s, last.messages_per_batch, last.batch_bytes / 1024, bare,
                100 * ratios.back());
  }
  std::printf("%zu writers: %.0f messages/s, %.0f %% of the disk (medians of %d)\n", writers, median(rates),
              100 * median(ratios), kRounds);
}

}  // namespace

int main(int argc, char** argv) {
  const double for_seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 2;
  const std::string directory = argc > 2 ? argv[2] : "spool-commit-bench";
  const auto disk = io::make_real_disk();
  CHECK(disk->make_directory(directory) && disk->make_directory(directory + "/spool"));
  {
    Core core(*disk, directory + "/spool");
    for (const std::size_t writers : {std::size_t{1}, std::size_t{20}, std::size_t{200}})
      compare(core, *disk, directory, writers, for_seconds);
  }
  std::filesystem::remove_all(directory);
}
