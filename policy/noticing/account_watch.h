// What the process has noticed of all its accounts: their states, and the class that each was judged by last.
// Thread-safe: one of kShards locks a call, for the time that a judgement takes (about 2 us), never over a wait or a
// call of the kernel.  A session calls at the first recipient of a message and at its end; the queue for what a next
// hop has said.  An account is kept for as long as the process runs, with 64 bytes and what it writes to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "policy/noticing/noticer.h"
#include "policy/noticing/watched_class.h"

namespace sluice::noticing {

// A verdict as it is told.
struct Notice {
  std::string account;
  std::string policy_class;
  Verdict verdict;
  Step taken = Step::pass;
  Duration lasts{};  // until a timer lifts a hold or a suspension
};
// "312 recipients in a day; up to 100 are ordinary for this account; one text to ...": those with most points first.
[[nodiscard]] std::string reasons_text(const Verdict& verdict);

// A step that another relay of the cluster takes: no lower one is taken here.
struct ImposedStep {
  Step step = Step::pass;
  Instant until;
  std::string reason;
};

// What is known of one account, for sluicectl.
struct AccountNotice {
  std::string policy_class;
  Verdict verdict;
  Step taken = Step::pass;
  std::uint32_t recipients = 0;  // of the last 24 hours, all of these
  std::uint32_t first_time_recipients = 0;
  std::uint32_t networks = 0;
  std::uint32_t answered = 0;  // recipients that next hops took or refused for good
  std::uint32_t unknown = 0;   // of those: that next hops do not know
  std::uint32_t spam_replies = 0;
  std::string imposed;  // why another relay has taken a step; empty: none has
};

class AccountWatch {
 public:
  static constexpr std::size_t kKeyBytes = 16;
  using Key = std::array<std::byte, kKeyBytes>;
  // `key`: random, so that senders cannot choose hashes.
  explicit AccountWatch(const Key& key) : key_(key) {}
  AccountWatch(const AccountWatch&) = delete;
  AccountWatch& operator=(const AccountWatch&) = delete;

  // Of an address or a network, as Noticer wants it: SipHash-2-4.
  [[nodiscard]] std::uint64_t hash(std::string_view text) const;

  // The step that is taken for an account at present.
  [[nodiscard]] Step step(std::string_view account, const WatchedClass& by, Instant now);
  // Whether the account has written to these recipients, by their hashes, as known_recipients.h says; a recipient that
  // is asked for stays as it was.  An account that has sent nothing since the start knows nobody.
  [[nodiscard]] std::vector<bool> knows(std::string_view account, std::span<const std::uint64_t> recipients);
  // As Noticer::wait(): before the content of a message is asked for.
  [[nodiscard]] Turn wait(std::string_view account, const WatchedClass& by, std::uint32_t recipients, Instant now);
  // As Noticer::message(), with the recipients' hashes.
  [[nodiscard]] Verdict message(std::string_view account, const WatchedClass& by, const MessageFacts& facts,
                                std::span<const std::uint64_t> recipients, Instant now);
  // As Noticer::outcome(), for each.  A notice where the step is higher now.  Nothing for an account that has sent
  // nothing: DSNs, and what an earlier process has accepted.
  [[nodiscard]] std::optional<Notice> outcomes(std::string_view account, std::span<const Outcome> outcomes,
                                               Instant now);

  void impose(std::string_view account, ImposedStep imposed);
  // The one that counts at present, if any.
  [[nodiscard]] std::optional<ImposedStep> imposed(std::string_view account, Instant now);
  // An operator lifts all steps, imposed ones too.  False: nothing is known of that account.
  bool release(std::string_view account);
  // For sluicectl; nothing: nothing is known of that account.
  [[nodiscard]] std::optional<AccountNotice> look(std::string_view account, Instant now);

 private:
  static constexpr std::size_t kShards = 64;
  static constexpr Duration kSweepInterval = std::chrono::hours(1);

  struct Account {
    AccountState state;
    const WatchedClass* by = nullptr;  // one of the shard's
  };
  struct Shard {
    std::mutex mutex;
    absl::flat_hash_map<std::uint64_t, Account> accounts;  // by the hash of the name
    std::deque<WatchedClass> classes;                      // all that were ever used; stay where they are
    absl::flat_hash_map<std::uint64_t, ImposedStep> imposed;
    Instant swept{};

    [[nodiscard]] Step imposed_step(std::uint64_t account, Instant now) const;
  };

  Shard& shard_of(std::uint64_t account) { return shards_[account % kShards]; }
  static Account& judged_by(Shard& shard, std::uint64_t account, const WatchedClass& by);
  static void sweep(Shard& shard, Instant now);

  const Key key_;
  std::array<Shard, kShards> shards_;
};

}  // namespace sluice::noticing
