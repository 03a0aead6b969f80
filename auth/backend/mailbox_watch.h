// Asks back ends once a day whether the mailboxes are still there that have device passwords: no server
// reports one that is gone.  One after another, a few at a time, so that the questions of a day are spread over it and
// none of them takes what logins wait for.  What cannot be found out changes nothing. Of one core; that core's thread
// only.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "auth/backend/chain.h"
#include "engine/base/task.h"
#include "engine/io/loop.h"

namespace sluice::auth {

struct MailboxCounters {
  std::uint64_t asked = 0;
  std::uint64_t untold = 0;           // of these
  std::uint64_t devices_revoked = 0;  // whose mailboxes are gone
};

class MailboxWatch {
 public:
  // Called when the device passwords of a mailbox are worth nothing any more, as it is gone.
  using Notice = std::function<void(std::string_view account, std::size_t devices)>;
  // Between two looks at what is due, and how much one of them takes up.
  static constexpr Duration kLookEvery = std::chrono::seconds(5);
  static constexpr std::size_t kLookMax = 10;

  // `store` and `backends` outlive this.
  MailboxWatch(io::Loop& loop, AccountStore& store, BackendChain& backends, Notice notice);
  MailboxWatch(const MailboxWatch&) = delete;
  MailboxWatch& operator=(const MailboxWatch&) = delete;

  // Until stop().  Once.
  Task<void> run();
  void stop();
  [[nodiscard]] const MailboxCounters& counters() const { return counters_; }

 private:
  Task<void> look();
  Task<void> ask(const std::string& account);

  io::Loop& loop_;
  AccountStore& store_;
  BackendChain& backends_;
  Notice notice_;
  MailboxCounters counters_;
  AsyncEvent wake_;
  io::Timer timer_;
  bool stopped_ = false;
};

}  // namespace sluice::auth
