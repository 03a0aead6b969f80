// What a spool has answered, written down outside of it, and the work that it is given meanwhile: messages of all sizes
// are stored, read, updated and finished, many at a time.  After a loss the spool is compared with the ledger.
// Owned by one test; its thread only.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>

#include "tests/unit/spool/life.h"

namespace sluice::spool {

class Ledger {
 public:
  struct Line {
    std::size_t size = 0;
    bool kept = false;              // answered for
    std::uint32_t tries_asked = 0;  // the number of its latest status
    std::uint32_t tries_kept = 0;
    bool finish_asked = false;
    bool finished = false;
  };

  // From now on nothing counts that is answered: the caller is dead.
  void die() { dead_ = true; }
  void live() { dead_ = false; }
  [[nodiscard]] bool dead() const { return dead_; }
  [[nodiscard]] bool answered(bool yes) const { return yes && !dead_; }
  Line& line(QueueId id) { return lines_[id]; }
  [[nodiscard]] const std::map<QueueId, Line>& lines() const { return lines_; }

  std::uint64_t stored = 0;
  std::uint64_t finished = 0;
  std::uint64_t unanswered = 0;  // found although no client was told that they were kept
  std::uint64_t duplicates = 0;  // found although their end was asked for, which was not answered

  // What a life has found, against what was answered before.
  void compare(const Life& life) {
    for (const auto& [id, message] : life.found) {
      ASSERT_TRUE(lines_.contains(id)) << "never offered: " << id;
      Line& line = lines_.at(id);
      EXPECT_FALSE(line.finished) << "brought back: " << id;
      if (line.finish_asked) ++duplicates;
      if (!line.kept) ++unanswered;
      EXPECT_GE(message.status.tries, line.tries_kept) << id;
      EXPECT_LE(message.status.tries, line.tries_asked) << id;
      EXPECT_EQ(message.stored.content_bytes, line.size) << id;
      EXPECT_EQ(message.stored.envelope.recipients.size(), 1U);
      // From here on it is ours, as it was found.
      line.kept = true;
      line.tries_kept = message.status.tries;
      line.finish_asked = false;
    }
    for (auto& [id, line] : lines_) {
      if (life.found.contains(id)) continue;
      EXPECT_FALSE(line.kept && !line.finish_asked) << "lost: " << id << " of " << line.size << " bytes";
      line.kept = line.finished = true;  // it must not come back either
      line.finish_asked = true;
    }
  }

 private:
  std::map<QueueId, Line> lines_;
  bool dead_ = false;
};

inline Task<void> read_all(Life& life, Ledger& ledger, bool& done) {
  for (const auto& [id, message] : life.found) {
    const auto back = co_await read_back(life.spool(message.core), id);
    EXPECT_TRUE(back) << id << ": " << (back ? "" : back.error());
    if (!back) continue;
    EXPECT_EQ(back->content, content_of(id, ledger.line(id).size)) << id;
    EXPECT_EQ(back->status, message.status) << id;
  }
  done = true;
}

class Workload {
 public:
  Workload(Life& life, Ledger& ledger, sim::SimRandom& random, QueueId& last_id, std::size_t size_max = 1'600'000)
      : life_(life), ledger_(ledger), random_(random), last_id_(last_id), size_max_(size_max) {}

  // Goes on with what was found, and brings so many new messages to each core, `at_once` at a time.
  void start(std::size_t messages, std::size_t at_once) {
    for (const auto& [id, message] : life_.found)
      life_.loop(message.core).post([this, id, core = message.core] { tasks_.add(go_on(core, id)); });
    for (std::size_t core = 0; core < life_.cores(); ++core)
      for (std::size_t i = 0; i < at_once; ++i)
        life_.loop(core).post([this, core, count = messages / at_once] { tasks_.add(bring(core, count)); });
    posted_ = life_.found.size() + life_.cores() * at_once;
  }
  [[nodiscard]] bool done() const { return begun_ == posted_ && tasks_.live() == 0; }

 private:
  std::size_t some_size() {
    const std::uint64_t kind = random_.below(100);
    if (kind < 70) return random_.below(std::min<std::size_t>(size_max_, 4000));
    if (kind < 95) return random_.below(std::min<std::size_t>(size_max_, 100'000));
    return random_.below(size_max_);
  }
  Task<void> pause(std::size_t core) {
    co_await life_.loop(core).sleep(random_.between(Duration::zero(), std::chrono::milliseconds(20)), "a pause");
  }

  Task<void> bring(std::size_t core, std::size_t count) {
    ++begun_;
    for (std::size_t i = 0; i < count && !ledger_.dead(); ++i) {
      const QueueId id = ++last_id_;
      const std::size_t size = some_size();
      ledger_.line(id) = {.size = size};
      if (!ledger_.answered(co_await keep(life_.spool(core), id, size))) continue;
      ledger_.line(id).kept = true;
      ++ledger_.stored;
      co_await live(core, id);
    }
  }
  Task<void> go_on(std::size_t core, QueueId id) {
    ++begun_;
    co_await pause(core);
    if (!ledger_.dead()) co_await live(core, id);
  }
  // Some tries, then perhaps its end.
  Task<void> live(std::size_t core, QueueId id) {
    Spool& spool = life_.spool(core);
    for (std::uint64_t tries = random_.below(4); tries > 0 && !ledger_.dead(); --tries) {
      const std::uint32_t number = ++ledger_.line(id).tries_asked;
      const message::DeliveryStatus status = status_of(number);
      if (ledger_.answered(co_await spool.update(id, status))) ledger_.line(id).tries_kept = number;
      if (random_.percent(40)) co_await pause(core);
      if (random_.percent(20) && !ledger_.dead()) {
        const auto back = co_await read_back(spool, id);
        if (!ledger_.dead()) EXPECT_TRUE(back && back->content == content_of(id, ledger_.line(id).size)) << id;
      }
    }
    if (ledger_.dead() || random_.percent(12)) co_return;
    ledger_.line(id).finish_asked = true;
    if (ledger_.answered(co_await spool.finish(id))) {
      ledger_.line(id).finished = true;
      ++ledger_.finished;
    }
  }

  Life& life_;
  Ledger& ledger_;
  sim::SimRandom& random_;
  QueueId& last_id_;
  std::size_t size_max_;
  std::size_t begun_ = 0;
  std::size_t posted_ = 0;
  TaskSet tasks_;
};

}  // namespace sluice::spool
