// One life of a program that has a spool: it recovers what is there, opens a spool on each of its cores, and ends in
// order or by abort.  Lives follow each other in one directory, on either platform.
// Owned by one test; its thread only.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/spool/spool.h"
#include "engine/spool/stored_content.h"
#include "tests/support/awaited.h"
#include "tests/support/platforms.h"
#include "tests/support/raw_file.h"
#include "tests/unit/spool/segment_text.h"

namespace sluice::spool {

constexpr const char* kHost = "192.0.2.1";

struct LifeOptions {
  std::size_t cores = 1;
  std::uint32_t segment_bytes = kSegmentBytesMin;
  std::uint64_t free_bytes_min = 0;
  bool synced = true;
};

struct FoundMessage {
  Stored stored;
  message::DeliveryStatus status;
  std::size_t core = 0;
};

// What outlives them: the loops, which are used again, until the power is gone.
class Machine {
 public:
  explicit Machine(testing::Platforms& platforms) : platforms(platforms) {}
  std::vector<io::Loop*> loops(std::size_t count) {
    while (loops_.size() < count) loops_.push_back(&platforms.add_loop(kHost));
    return {loops_.begin(), loops_.begin() + static_cast<std::ptrdiff_t>(count)};
  }
  // Everything that runs is over; the next life begins on other loops.
  void renew() { loops_.clear(); }

  testing::Platforms& platforms;
  testing::DiskPlace place{platforms.simulated()};

 private:
  std::vector<io::Loop*> loops_;
};

class Life {
 public:
  explicit Life(Machine& machine, const LifeOptions& options = {})
      : platforms_(machine.platforms), loops_(machine.loops(options.cores)) {
    const std::string directory = machine.place.path();
    io::Disk& disk = loops_[0]->platform().disk;
    const auto made = disk.make_directory(directory);
    EXPECT_TRUE(made);
    Recovery recovery(disk, directory, [this](const std::string& note) { warnings.push_back(note); });
    std::map<QueueId, std::uint32_t> segments;
    const auto ran = recovery.run([&](const Recovered& message) {
      found[message.id] = {.stored = message.stored, .status = message.status};
      segments[message.id] = message.segment;
    });
    if (!ran) {
      error = ran.error().text;
      return;
    }
    counts = recovery.counts();
    last_number_ = recovery.last_segment();
    std::vector<Share> shares = recovery.divide(options.cores);
    for (auto& [id, message] : found) message.core = recovery.core_of(segments.at(id));
    for (std::size_t i = 0; i < options.cores; ++i) {
      const SpoolOptions given{
          .log = {.directory = directory, .segment_bytes = options.segment_bytes, .synced = options.synced},
          .free_bytes_min = options.free_bytes_min};
      spools_.push_back(std::make_unique<Spool>(*loops_[i], last_number_, given, std::move(shares[i]),
                                                [this](const std::string& text) { warnings.push_back(text); }));
      loops_[i]->post([spool = spools_.back().get()] { spool->start(); });
    }
  }
  ~Life() { close(); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  [[nodiscard]] Spool& spool(std::size_t core = 0) { return *spools_[core]; }
  [[nodiscard]] io::Loop& loop(std::size_t core = 0) { return *loops_[core]; }
  [[nodiscard]] std::size_t cores() const { return spools_.size(); }

  // Waits until all take mail and have where to put it.
  void wait_ready() {
    EXPECT_TRUE(platforms_.run_until([this] {
      return std::ranges::all_of(spools_, [](const auto& spool) { return spool->accepting() && spool->settled(); });
    }));
  }
  template <typename T>
  T await(std::function<Task<T>()> make, std::size_t core = 0) {
    return testing::await<T>(platforms_, *loops_[core], std::move(make));
  }
  // What a draft is asked for; false where it failed.
  bool drafted(std::function<Task<std::expected<void, std::string>>()> make) {
    return await<std::expected<void, std::string>>(std::move(make)).has_value();
  }
  // Nothing is waited for any more.
  void abort() {
    for (io::Loop* loop : loops_) loop->abort_all();
  }
  void close() {
    std::vector<std::unique_ptr<testing::Running<testing::Done>>> closing;
    for (std::size_t i = 0; i < spools_.size(); ++i)
      closing.push_back(std::make_unique<testing::Running<testing::Done>>(
          platforms_, *loops_[i], [spool = spools_[i].get()] { return testing::and_done(spool->close()); }));
    for (const auto& each : closing) each->wait();
    spools_.clear();
  }

  std::map<QueueId, FoundMessage> found;
  RecoveryCounts counts;
  std::vector<std::string> warnings;
  std::string error;

 private:
  testing::Platforms& platforms_;
  std::vector<io::Loop*> loops_;
  std::atomic<std::uint32_t> last_number_{0};
  std::vector<std::unique_ptr<Spool>> spools_;
};

// ------------------------------------------------------------------------------------------ what is done with a spool

// A message of `size` bytes, which come in parts.
inline Task<bool> keep(Spool& spool, QueueId id, std::size_t size, std::size_t recipients = 1,
                       std::string customer = {}, ShareWeight weight = 1) {
  Stored stored = stored_of(id, 0, recipients);
  if (!customer.empty()) stored.submitter.customer = std::move(customer);
  stored.submitter.weight = weight;
  Draft draft(spool, id, message::share_of(stored.submitter));
  const std::string content = content_of(id, size);
  for (std::size_t at = 0; at < size;) {
    const std::size_t part = std::min<std::size_t>(size - at, 100'000);
    Chain chain;
    chain.append_copy(std::string_view(content).substr(at, part));
    if (!co_await draft.append(std::move(chain))) co_return false;
    at += part;
  }
  co_return (co_await draft.commit(std::move(stored), status_of(0, recipients))).has_value();
}

struct ReadBack {
  Stored stored;
  message::DeliveryStatus status;
  std::string content;
};

inline Task<std::expected<ReadBack, std::string>> read_back(Spool& spool, QueueId id) {
  auto message = co_await spool.read(id);
  if (!message) co_return std::unexpected(message.error());
  ReadBack back{.stored = message->stored, .status = message->status, .content = {}};
  for (StoredContent content(spool, id, *message); !content.at_end();) {
    const auto part = co_await content.next();
    if (!part) co_return std::unexpected(part.error());
    back.content += part->view();
  }
  co_return back;
}

}  // namespace sluice::spool
