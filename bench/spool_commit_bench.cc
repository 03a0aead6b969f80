// How near group commit comes to the disk: so many writers store messages of 4 KB one after the other through a spool, synced;
// then a bare loop writes batches of the same average size, durable, with nothing around it.
//
//   bench_spool_commit [WRITERS] [SECONDS] [DIRECTORY]      20, 3, a folder under /var/tmp that goes afterwards
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>

#include "engine/io/aligned.h"
#include "engine/io/real_door.h"
#include "engine/io/real_ring.h"
#include "engine/spool/spool.h"

namespace {

using namespace sluice;

struct Run {
  io::Loop& loop;
  spool::Spool& spool;
  Duration duration;
  Instant begin;
  Instant end;
  std::uint64_t next_id = 1;
  std::uint64_t stored = 0;
};

Task<void> write_on(Run& run) {
  spool::Stored stored;
  stored.envelope.reverse_path = "user@customer.example";
  stored.envelope.recipients.push_back({.forward_path = "someone@elsewhere.example"});
  stored.content_bytes = 4096;
  message::DeliveryStatus status;
  status.recipients.resize(1);
  Chain content;
  content.append_copy(std::string(4096, 'x'));
  while (run.loop.now() < run.end) {
    const spool::QueueId id = run.next_id++;
    if (!co_await run.spool.store(id, stored, status, content)) co_return;
    ++run.stored;
    co_await run.spool.finish(id);
  }
}

Task<void> all(Run& run, std::uint64_t writers, bool& over) {
  while (!run.spool.accepting()) co_await run.loop.sleep(std::chrono::milliseconds(5), "the first segment");
  run.begin = run.loop.now();
  run.end = run.begin + run.duration;
  TaskSet tasks;
  for (std::uint64_t i = 0; i < writers; ++i) tasks.add(write_on(run));
  co_await tasks.join("the writers");
  run.end = run.loop.now();
  co_await run.spool.close();
  over = true;
}

std::uint64_t number(const char* text, std::uint64_t otherwise) {
  std::from_chars(text, text + std::strlen(text), otherwise);
  return otherwise;
}

// Batches a second.
double bare_loop(io::Disk& disk, io::Clock& clock, const std::string& path, std::size_t bytes, Duration duration) {
  constexpr std::uint64_t kFileBytes = 64U << 20;
  const auto file = disk.create(path, kFileBytes);
  if (!file) return 0;
  const io::AlignedBytes memory(bytes);
  std::uint64_t written = 0;
  const Instant begin = clock.now();
  for (std::uint64_t at = 0; clock.now() < begin + duration; at = at + 2 * bytes > kFileBytes ? 0 : at + bytes, ++written)
    if (!disk.write(*file, at, memory.view(), /*durable=*/true)) return 0;
  disk.close(*file);
  return static_cast<double>(written) / std::chrono::duration<double>(clock.now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t writers = argc > 1 ? number(argv[1], 20) : 20;
  const Duration duration = std::chrono::seconds(argc > 2 ? number(argv[2], 3) : 3);
  const std::string directory = argc > 3 ? argv[3] : "/var/tmp/sluice-commit-bench";
  const auto disk = io::make_real_disk();
  const auto clock = io::make_real_clock();
  const auto random = io::make_real_random();
  const auto sockets = io::make_real_sockets();
  const auto workers = io::make_real_workers(2, 64);
  auto ring = io::make_real_ring({});
  if (!ring || !disk->make_directory(directory)) return 1;
  spool::LogCounters log;
  std::uint64_t stored = 0;
  double seconds = 0;
  {
    io::Loop loop({**ring, *sockets, *clock, *random, *workers, *disk}, {});
    std::atomic<std::uint32_t> last_number{0};
    spool::Spool spool(loop, last_number, {.log = {.directory = directory}}, {},
                       [](const std::string& told) { std::fprintf(stderr, "%s\n", told.c_str()); });
    Run run{.loop = loop, .spool = spool, .duration = duration, .begin = {}, .end = {}};
    bool over = false;
    loop.post([&] { spool.start(); });
    TaskSet tasks;
    loop.post([&] { tasks.add(all(run, writers, over)); });
    while (!over || tasks.live() > 0) loop.turn(std::chrono::milliseconds(10));
    loop.stop();
    loop.run([] { return true; });
    seconds = std::chrono::duration<double>(run.end - run.begin).count();
    log = spool.log_counters();
    stored = run.stored;
  }
  const std::size_t batch = (log.bytes / log.batches + io::kDiskBlockBytes - 1) / io::kDiskBlockBytes * io::kDiskBlockBytes;
  const double ours = static_cast<double>(log.batches) / seconds;
  const double bare = bare_loop(*disk, *clock, directory + "/bare", batch, duration);
  std::printf("%llu writers: %.0f messages/s in %.0f batches/s of %zu octets; a bare loop writes %.0f of these a second: %.2f\n",
              static_cast<unsigned long long>(writers), static_cast<double>(stored) / seconds, ours, batch, bare, ours / bare);
  std::filesystem::remove_all(directory);
  return 0;
}
