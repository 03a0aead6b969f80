// What the process has noticed of all its accounts: their states, and the class that each was judged by last.
// Thread-safe: one of kShards locks a call, for the time that a judgement takes (about 2 us), never over a wait or a
// call of the kernel.  A session calls at the first recipient of a message and at its end; the queue for what a next
// hop has said.  An account is kept for a year after its last message, with 64 bytes and what it writes to, and over
// restarts where a file is written of it (policy/noticed): a million at most, of which one that was judged long ago
// makes room for the next.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/time.h"
#include "policy/noticing/account_record.h"
#include "policy/noticing/compact_map.h"
#include "policy/noticing/noticer.h"
#include "policy/noticing/sending_news.h"
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
  std::string imposed;   // why another relay has taken a step; empty: none has
  WallMillis until = 0;  // when a timer lifts the hold or suspension that is taken; 0: none is
};

// What operators are shown of an account beside its limits.
struct SendingFigures {
  std::uint32_t networks = 0;  // of the last 24 hours
  // Of these the older ones count less, by half in two weeks.
  std::uint32_t answered = 0;  // recipients that next hops took, or do not know
  std::uint32_t unknown = 0;   // of those: that they do not know
};

class AccountWatch {
 public:
  static constexpr std::size_t kShards = 64;
  static constexpr std::size_t kAccountsMax = std::size_t{1} << 20;

  using Key = WatchKey;
  // `key`: random, so that senders cannot choose hashes.  `since_1970`: what the noticer's clock is ahead of the
  // Instants that are given, so that it goes on where another process has left it.
  explicit AccountWatch(const Key& key, Duration since_1970 = {}) : key_(key), since_1970_(since_1970) {}
  AccountWatch(const AccountWatch&) = delete;
  AccountWatch& operator=(const AccountWatch&) = delete;

  // Of an address or a network, as Noticer wants it: SipHash-2-4.
  [[nodiscard]] std::uint64_t hash(std::string_view text) const;
  // Of a recipient: one in all spellings of its domain.
  [[nodiscard]] std::uint64_t hash_of_recipient(std::string_view forward_path) const;

  // The step that is taken for an account at present.
  [[nodiscard]] Step step(std::string_view account, const WatchedClass& by, Instant now);
  // Whether the account has written to these recipients, by their hashes, as known_recipients.h says; a recipient that
  // is asked for stays as it was.  An account that nothing is known of knows nobody.
  [[nodiscard]] std::vector<bool> knows(std::string_view account, std::span<const std::uint64_t> recipients);
  // As Noticer::wait(): before the content of a message is asked for.
  [[nodiscard]] Turn wait(std::string_view account, const WatchedClass& by, std::uint32_t recipients, Instant now);
  // As Noticer::message(), with the recipients' hashes; of these the first-time ones are counted here.  `texts`: where
  // shares() says so.
  [[nodiscard]] Verdict message(std::string_view account, const WatchedClass& by, const MessageFacts& facts,
                                std::span<const std::uint64_t> recipients, Instant now, const SentTexts& texts = {});
  // As Noticer::outcome(), for each.  A notice where the step is higher now.  Nothing for an account that nothing is
  // known of: DSNs.
  [[nodiscard]] std::optional<Notice> outcomes(std::string_view account, std::span<const Outcome> outcomes,
                                               Instant now);

  void impose(std::string_view account, ImposedStep imposed);
  // The one that counts at present, if any.
  [[nodiscard]] std::optional<ImposedStep> imposed(std::string_view account, Instant now);
  // An operator lifts all steps, imposed ones too.  False: nothing is known of that account.
  bool release(std::string_view account);
  // For sluicectl; nothing: nothing is known of that account.
  [[nodiscard]] std::optional<AccountNotice> look(std::string_view account, Instant now);
  // Likewise; an account that is idle stays as small as it is.
  [[nodiscard]] std::optional<SendingFigures> figures(std::string_view account, Instant now);

  // ---- for other relays of a cluster.

  // From now on news() has what accounts send by this relay.
  void share() { shares_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool shares() const { return shares_.load(std::memory_order_relaxed); }
  [[nodiscard]] SendingOutbox& news() { return news_; }
  // As Noticer::merge().
  void merge(const SendingNews& news, const WatchedClass& by, Instant now);

  // ---- for a file.  What restores is called before any other.

  // What an earlier process has written.  Of a class that is not among these the account is not watched until it sends
  // again.
  void restore(AccountRecord record, std::span<const WatchedClass> classes);
  struct Restored {
    std::size_t accounts = 0;
    std::size_t held = 0;    // of these: at step hold or suspend still
    bool clock_set = false;  // all that the file has is of another time
  };
  // All is restored.  `written`: the latest time of a record.  The time since then counts, but for no less than nothing
  // and no more than kTimeAwayMax, after which no step and no strike is left: a clock that was set frees and locks
  // nobody for longer than a step lasts, and no history is lost to it.
  Restored restored(WallMillis written, WallMillis now);

  // `wake` is called by any thread, under no lock, when a step was taken or lifted that is not written yet.
  void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }
  enum class Unwritten : std::uint8_t {
    steps,    // the accounts of which a step was taken or lifted
    changes,  // those of which anything has changed
    all,      // all there are
  };
  // The accounts of a shard that are to be written: each is told once, until append_records() has written it.
  [[nodiscard]] std::vector<std::uint64_t> take_unwritten(std::size_t shard, Unwritten which);
  // Accounts of one shard as they are now.  Holds its lock: a few at a time.
  void append_records(std::span<const std::uint64_t> accounts, WallMillis now, std::string& bytes);
  void append_head(std::string& bytes) const { noticing::append_head(bytes, key_); }

 private:
  static constexpr Duration kSweepInterval = std::chrono::hours(1);
  static constexpr Duration kKeptFor = std::chrono::hours(24 * 366);
  static constexpr Duration kTimeAwayMax = std::chrono::hours(24 * 31);

  struct Account {
    AccountState state;
    std::uint32_t by = 0;  // which of the shard's classes, from 1 on
    bool unwritten = false;
    bool step_unwritten = false;
  };
  struct Shard {
    std::mutex mutex;
    CompactMap<Account> accounts;      // by the hash of the name
    std::deque<WatchedClass> classes;  // all that were ever used; stay where they are
    absl::flat_hash_map<std::uint64_t, ImposedStep> imposed;
    std::vector<std::uint64_t> changes;  // those that are unwritten
    std::vector<std::uint64_t> steps;
    Instant swept{};

    [[nodiscard]] Step imposed_step(std::uint64_t account, Instant now) const;
    [[nodiscard]] const WatchedClass& class_of(const Account& account) const { return classes[account.by - 1]; }
    Account& judged_by(std::uint64_t account, const WatchedClass& by);
    void make_room(std::uint64_t newcomer);
    void sweep(Instant now, Instant noticers_now);
  };
  // A shard under its lock, for one call; wakes who writes steps when it is unlocked.
  class Locked {
   public:
    Locked(AccountWatch& watch, std::string_view account);
    ~Locked();
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

    [[nodiscard]] Account* find() const;
    // Behind whatever may have changed an account.  `before`: its ladder then.
    void changed(Account& account, const Ladder& before);

    const std::uint64_t name;
    Shard& shard;

   private:
    AccountWatch& watch_;
    std::unique_lock<std::mutex> lock_;
    bool wakes_ = false;
  };

  // The noticer's clock.
  [[nodiscard]] Instant at(Instant now) const { return now + since_1970_; }

  const Key key_;
  const Duration since_1970_;
  std::function<void()> wake_;
  std::array<Shard, kShards> shards_;
  std::atomic<bool> shares_{false};
  SendingOutbox news_;
};

}  // namespace sluice::noticing
