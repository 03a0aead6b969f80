// How many outgoing connections a core may have open at one time, all pools together, so that they leave file
// descriptors for clients, the control socket, the spool and the name service.  When it is used up, idle connections go
// first, of whatever pool; then callers wait until one is closed.  Of the customers that wait, in whatever pools, the
// one that has the fewest connections of the core, for its weight, is next, so that many destinations are worth no more
// than one; messages to many recipients are behind those of all pools that are not, with one turn of several.  One per
// core, outlives its pools; that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/share.h"
#include "engine/base/time.h"

namespace sluice::hop {

// Of what waits, large messages have one turn of so many.
inline constexpr std::uint32_t kLargeTurnShare = 8;

class ConnectionBudget {
 public:
  // What one customer has of the core's connections.  Customers are compared by it: the least is next.
  struct Standing {
    std::uint32_t held = 0;    // connections that it has, opens, or was called to take
    std::uint64_t served = 0;  // when it last got one; of those with equally many, the one that waits longest is next
    ShareWeight weight = 1;    // how many it may have for one of a customer of weight 1

    // For its weight.
    [[nodiscard]] bool has_fewer_than(const Standing& other) const {
      return std::uint64_t{held} * other.weight < std::uint64_t{other.held} * weight;
    }
    friend bool operator<(const Standing& a, const Standing& b) {
      return a.has_fewer_than(b) || (!b.has_fewer_than(a) && a.served < b.served);
    }
  };
  // A customer's account, kept while a pool has a share of that customer.
  struct Account {
    std::string_view customer;
    Standing standing;
    std::uint32_t shares = 0;
  };

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
    // The standing of the next customer that waits for a connection and could open one now; none where there is none.
    [[nodiscard]] virtual std::optional<Standing> next_standing() = 0;
    // Whether a large message is what waits there next.
    [[nodiscard]] virtual bool next_is_large() const = 0;
    // A connection may be opened now, for that customer: it has a promise, for take() or forgo().
    virtual void may_open() = 0;
    // Up to `most` of its connections that wait for their senders are given up; how many.
    virtual std::size_t give_way(std::size_t most) = 0;
  };

  // `on_full`: a caller was refused, as so many are open.
  explicit ConnectionBudget(std::uint32_t most, std::function<void(std::uint32_t most)> on_full = {})
      : most_(most), on_full_(std::move(on_full)) {}
  ConnectionBudget(const ConnectionBudget&) = delete;
  ConnectionBudget& operator=(const ConnectionBudget&) = delete;

  // Those over a new bound stay until they are closed.
  void set_most(std::uint32_t most);
  void add(User& user) { users_.push_back(&user); }
  void remove(User& user);

  // Of a customer.  Each open_account() has its close_account().
  [[nodiscard]] Account& open_account(std::string_view customer);
  void close_account(Account& account);
  // One more connection is that customer's, or one less.
  void hold(Account& account) {
    ++account.standing.held;
    account.standing.served = ++turn_;
  }
  static void unhold(Account& account) { --account.standing.held; }

  // One more connection; false where there are too many: then the longest idle one of all is closed, and `user` hears
  // of it by may_open() when a connection is free.  `promised`: by may_open(); the promise is used up.
  [[nodiscard]] bool take(User& user, bool promised = false);
  // A promise is not used.
  void forgo();
  // A connection has come free, for which a customer of that standing waits.  True: it is to be closed, as
  // another one that waits elsewhere has fewer.
  [[nodiscard]] bool claims(const Standing& local);
  // Where callers wait, one idle connection more goes for them.
  void close_one_for_waiters();
  // That one is closed.
  void give_back();
  // Where no more can be opened and `user` waits for so many: others' connections that wait for their senders go.
  void make_others_give_way(const User& user, std::size_t wanted);

  [[nodiscard]] bool full() const { return used_ + promised_ >= most_; }
  [[nodiscard]] std::uint32_t used() const { return used_; }
  [[nodiscard]] std::uint32_t most() const { return most_; }

 private:
  void close_an_idle_one();
  [[nodiscard]] bool may_close_more();
  void call_next();
  struct Next {
    User* user = nullptr;
    bool large = false;
    bool large_waits = false;  // somewhere
  };
  [[nodiscard]] Next next();

  std::uint32_t most_;
  std::function<void(std::uint32_t)> on_full_;
  std::uint32_t used_ = 0;
  std::uint32_t promised_ = 0;  // to callers that have not run yet
  std::uint32_t closing_ = 0;   // idle ones that are closed for callers that wait
  std::uint64_t turn_ = 0;
  std::uint32_t others_ = 0;  // turns in a row that were not a large message's, though one waited
  std::vector<User*> users_;
  std::vector<User*> waiting_;  // whose take() was refused, each once; perhaps nothing waits there any more
  std::map<std::string, Account, std::less<>> accounts_;
};

}  // namespace sluice::hop
