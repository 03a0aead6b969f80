// What relays of a cluster tell each other beside leases: failed logins, so that guessing over all of them is guessing
// at one; what accounts send, so that a thief who sends through several is noticed as one who sends through one; and
// steps against accounts, so that an account that is held at one is held at all.
//
// Nothing waits for it: each relay decides by what it has, and once in kBeat asks Redis, in one call, to pass on what
// is new here and for what is new elsewhere; a step is told at once, what an account sends within kSoon once it matters
// (sending_news.h).  What a call carries is bounded, however many logins fail and whatever is sent: up to sixteen
// messages of news a beat (share_message.h), 64 KiB, which count them by subject and account; what has no room is told
// by later beats.  Messages are sealed, each relay's are numbered, and what it counts is as old as it says: a Redis
// that lies can withhold them, or repeat old steps that nobody has a later word on, and no more.  A relay that lies has
// the key; each message of its adds failures of at most ShareMessage::kItemsMax subjects, of which only addresses and
// networks are refused, and those not to owners who have logged in from there, nor where they are trusted; and at most
// kStepsMax steps, each for StepLedger::kLastsMax at most.  What relays tell of an account's sending raises no step by
// itself: it counts with what the account sends here, from the next message on.
//
// While Redis does not answer each relay goes on with what it knows; what it has for the others waits, bounded.  When
// Redis has lost messages, an epoch begins, in which all relays tell the steps that they know of.  A relay that starts
// reads what is there, but for what accounts have sent before it started: what it had heard of that, its file has.
//
// One per process, on one core; that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "policy/cluster/share_message.h"
#include "policy/cluster/share_protocol.h"
#include "policy/cluster/step_ledger.h"

namespace sluice::policy {

// For the operator.
struct ShareNotice {
  enum class Kind : std::uint8_t {
    alone,       // the cluster does not answer: `reason`
    reachable,   // it does again
    data_lost,   // it has lost messages
    unreadable,  // another relay has another key
  };
  Kind kind = Kind::alone;
  std::string reason;
  std::size_t steps = 0;  // against accounts, that this relay knows of
};

struct ShareHooks {
  std::function<auth::ShieldNews(std::size_t bytes_max)> take_news;
  std::function<void(const auth::ShieldNews&)> merge_news;
  std::function<std::vector<noticing::SendingNews>(std::size_t bytes_max)> take_sending;
  std::function<void(const noticing::SendingNews&)> merge_sending;
  // Another relay, `node`, has taken a step: it counts here, too.
  std::function<void(const AccountStep& step, const std::string& node)> on_step;
  std::function<void(const ShareNotice&)> tell;
};

class ClusterShare {
 public:
  static constexpr Duration kBeat = std::chrono::seconds(1);
  static constexpr Duration kSoon = std::chrono::milliseconds(20);
  // What an operator lifts stays lifted so long, though a relay tells an earlier step late.
  static constexpr Duration kLiftedFor = std::chrono::hours(96);

  // `options` have a key.
  ClusterShare(ClusterParts parts, ClusterOptions options, ShareHooks hooks);
  ~ClusterShare();

  void start();
  // Tells what waits, if Redis answers.  Once.
  Task<void> close();
  // This relay has taken a step for so long, or lifted it (pass).
  void publish(std::string account, noticing::Step step, Duration lasts, std::string reason);
  // There is sending to take, which matters.
  void wake();

 private:
  struct Sender {
    WallMillis began = 0;
    std::uint64_t number = 0;
  };

  Task<void> run();
  Task<void> beat();
  void gather_news();
  void gather_sending();
  void gather_steps();
  [[nodiscard]] std::string seal(ShareMessage message);
  [[nodiscard]] std::size_t room() const;
  void failed(const std::string& reason);
  void heard(const ShareReply& reply);
  enum class Stream : std::uint8_t { news, steps, sending };
  void heard_message(const std::string& sealed, Stream stream);
  [[nodiscard]] bool is_new(const ShareMessage& message, Stream stream);
  void heard_news(ShareMessage message);
  void tell(ShareNotice::Kind kind, std::string reason = {});
  [[nodiscard]] WallMillis now() const;

  ClusterParts parts_;
  ClusterOptions options_;
  ShareHooks hooks_;
  ShareKeys keys_;
  RedisClient client_;
  WallMillis began_;
  std::uint64_t last_number_ = 0;
  ShareCall call_;  // what is known of the streams; messages that were not passed on yet
  StepLedger ledger_;
  std::vector<AccountStep> to_tell_;
  LruMap<Sender> senders_;
  LruMap<Sender> sending_senders_;  // of the stream of what accounts send
  bool alone_ = false;
  bool soon_ = false;  // the next beat is to come soon
  Instant unreadable_told_{};
  TaskSet tasks_;
  bool closing_ = false;
  AsyncEvent woken_;
  io::Timer timer_;
};

}  // namespace sluice::policy
