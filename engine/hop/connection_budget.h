// How many outgoing connections a core may have open at one time, all pools together, so that they leave file
// descriptors for clients, the control socket, the spool and the name service.  When it is used up, idle connections go
// first, of whatever pool; then callers wait until one is closed. One per core, outlives its pools; that core's thread
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "engine/base/time.h"

namespace sluice::hop {

class ConnectionBudget {
 public:
  // Of a pool.
  class User {
   public:
    User() = default;
    virtual ~User() = default;
    User(const User&) = delete;
    User& operator=(const User&) = delete;
    // Since when its longest idle connection is idle; Instant::max() where it has none.
    [[nodiscard]] virtual Instant idle_since() const = 0;
    // Closes that one.
    virtual void close_longest_idle() = 0;
    // A connection may be opened now, for which wait() was called.
    virtual void may_open() = 0;
    // Up to `most` of its connections that wait for their senders are given up; how many.
    virtual std::size_t give_way(std::size_t most) = 0;
  };

  explicit ConnectionBudget(std::uint32_t most) : most_(most) {}
  ConnectionBudget(const ConnectionBudget&) = delete;
  ConnectionBudget& operator=(const ConnectionBudget&) = delete;

  // Those over a new bound stay until they are closed.
  void set_most(std::uint32_t most) { most_ = most; }
  void add(User& user) { users_.push_back(&user); }
  void remove(User& user);

  // One more connection; false where there are too many: then the longest idle one of all is closed, and `user` hears
  // of it by may_open() when a connection is free.
  [[nodiscard]] bool take(User& user);
  // That one is closed.
  void give_back();
  // Where no more can be opened and `user` waits for so many: others' connections that wait for their senders go.
  void make_others_give_way(const User& user, std::size_t wanted);

  [[nodiscard]] std::uint32_t used() const { return used_; }
  [[nodiscard]] std::uint32_t most() const { return most_; }
  // How often take() was refused.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  void close_an_idle_one();

  std::uint32_t most_;
  std::uint32_t used_ = 0;
  std::uint32_t closing_ = 0;  // idle ones that were told to close for those who wait
  std::uint64_t refused_ = 0;
  std::vector<User*> users_;
  std::deque<User*> waiting_;  // in the order in which they asked; each once
};

}  // namespace sluice::hop
