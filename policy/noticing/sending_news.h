// What relays of a cluster tell each other of what accounts send, so that each judges an account by what it sends
// through all of them: facts of messages and of recipients' outcomes, summed up for each account until they matter.
// Values, and the outbox that gathers a relay's own.
//
// They matter from a small part of an ordinary day on, or with a recipient whom a next hop does not know; what matters
// is told within some ten milliseconds, so that a thief who uses several relays gains little more at each than what
// does not matter yet; what does not is told once the account has been quiet for kQuiet.  Bounded, however much is
// sent: an account has one item until that is taken, the outbox kAccountsMax of them, of which what was longest unused
// goes; an item is of kItemBytesMax at most.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/lru_map.h"
#include "engine/base/time.h"
#include "policy/noticing/message_facts.h"
#include "policy/noticing/text_sketch.h"
#include "policy/noticing/watched_class.h"

namespace sluice::noticing {

struct SendingNews {
  static constexpr std::size_t kStrangersMax = 32;
  static constexpr std::size_t kStrangerBytesMax = 64;
  static constexpr std::size_t kNetworksMax = 8;
  static constexpr std::size_t kTextsMax = 4;
  static constexpr std::uint32_t kCountMax = 65'535;  // of each count

  struct Network {
    std::string text;  // "192.0.2.0/24"
    CountryCode country{};
    friend bool operator==(const Network&, const Network&) = default;
  };
  // A text from one network.
  struct Text {
    TextSketch sketch;
    std::uint8_t network = kNetworksMax;  // which of `networks`; kNetworksMax: none of them
    std::uint32_t recipients = 0;
    std::uint32_t first_time = 0;           // of these
    std::uint32_t without_unsubscribe = 0;  // of these
    friend bool operator==(const Text&, const Text&) = default;
  };

  std::string account;  // its login key
  std::string policy_class;
  std::uint32_t recipients = 0;
  std::vector<std::string> strangers;  // forward-paths that the account never wrote to by the relay that tells
  std::uint32_t more_strangers = 0;    // beside these
  std::vector<Network> networks;
  std::vector<Text> texts;
  std::uint32_t failed_logins = 0;
  std::uint32_t accepted = 0;  // recipients that next hops took
  std::uint32_t unknown = 0;   // or do not know, each counted once
  std::uint32_t spam = 0;      // or refused as spam
  std::uint32_t other = 0;     // what else they refused
  friend bool operator==(const SendingNews&, const SendingNews&) = default;
};
// How many bytes one takes in a message.
[[nodiscard]] std::size_t sending_bytes(const SendingNews& news);

// The same as the texts of which the noticer is given hashes.  Valid for one call.
struct SentTexts {
  std::string_view network;  // empty: not to be counted
  std::span<const std::string_view> recipients;
};

// Thread-safe; one lock for a look-up and some bytes to copy, never over a wait or a call of the kernel.
class SendingOutbox {
 public:
  static constexpr std::size_t kAccountsMax = 16'384;
  static constexpr Duration kQuiet = std::chrono::seconds(30);
  static constexpr std::size_t kItemBytesMax = 3500;

  // `strangers`: which of the texts' recipients the account never wrote to.
  void add_message(std::string_view account, const WatchedClass& by, const MessageFacts& facts, const SentTexts& texts,
                   const std::vector<bool>& strangers, Instant now);
  void add_outcomes(std::string_view account, const WatchedClass& by, std::span<const Outcome> outcomes, Instant now);
  // An operator has lifted its steps: what led to them is forgotten.
  void forget(std::string_view account);

  // `wake` is called by any thread, once, when there is something to take, and again when there is behind a take().
  void set_wake(std::function<void()> wake);
  // What matters, what came first before others, and then of quiet accounts; of at most so many bytes together.
  [[nodiscard]] std::vector<SendingNews> take(std::size_t bytes_max, Instant now);

 private:
  struct Waiting {
    SendingNews news;
    Instant last;      // that something was added
    bool due = false;  // among due_
  };
  SendingNews& of(std::string_view account, const WatchedClass& by, Instant now);
  void added(std::unique_lock<std::mutex> lock, std::string_view account, const WatchedClass& by);

  std::mutex mutex_;
  LruMap<Waiting> accounts_;
  std::deque<std::string> due_;
  bool woken_ = false;
  std::function<void()> wake_;
};

}  // namespace sluice::noticing
