// Signs messages with the keys of their authors' domains, and with the ISP's: says which keys those are, has RSA's
// signatures made on workers and makes Ed25519's itself, and what becomes of mail that cannot be signed.
//
// Which keys: those of the author's domain; where it has none, those of one above it that signs for it
// (dkim::KeySource::parents_of()); where neither has any, those of the domain that the customer has chosen.  One
// signature for each algorithm of which that domain has a key; then those of rules.isp_domain, if that is another one.
// Keys that are kept back, and such as cannot be had now, have no other domain's in their place.  A message of our own
// (a DSN) has the signatures of isp_domain, or of its own author's where there is none.
//
// Workers sign for all cores, customers in turns by weight; so many of a core's messages are there at one time
// (kSigningMax), and the others wait here, in turns, too.  Nothing is refused for that: a message that waits holds up
// its own client, or its own delivery. One per core and generation of the configuration; that core's thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/fair_queue.h"
#include "engine/base/lru_map.h"
#include "engine/base/span_histogram.h"
#include "engine/dkim/signing_input.h"
#include "engine/io/loop.h"
#include "engine/signing/content_to_sign.h"
#include "engine/signing/key_cache.h"
#include "engine/signing/rules.h"
#include "engine/smtp/reply.h"

namespace sluice::signing {

// One per core, outlives its signers; that core's thread only.
struct SigningCounters {
  static constexpr std::size_t kAlgorithms = 2;         // of dkim::Algorithm
  std::array<std::uint64_t, kAlgorithms> made{};        // signatures
  std::array<std::uint64_t, kAlgorithms> failed{};      // the library has refused
  std::array<std::uint64_t, kAlgorithms> used_again{};  // of those that were made for another destination or try
  std::uint64_t without_key = 0;      // forms of messages with no signature but the ISP's, for want of a key
  std::uint64_t without_key_now = 0;  // likewise, whose keys could not be had
  std::uint64_t broken_before = 0;    // forms of messages with a broken one of the author's domain
  std::uint64_t waiting = 0;          // messages that wait for their turn now
  std::uint64_t hashed_coming = 0;    // bytes of content that were hashed while they came in,
  std::uint64_t hashed_sending = 0;   // and when the message was about to be sent
  StageTimes took;                    // from the hashes to the fields, with the wait for workers
};

// What is to go in front of a message's content.
struct Signed {
  std::string fields;                                                    // whole lines; empty: it is not signed
  std::array<std::uint32_t, SigningCounters::kAlgorithms> signatures{};  // how many are in them
  std::optional<smtp::StandardReply> refusal;                            // it does not go on: 5xx, or 4xx for now
  Instant until = Instant::max();  // from then on they are to be made anew; where there are none, at once
};

// Why a message is not signed by its author's domain.
struct NotSigned {
  std::string_view id;
  std::string_view domain;  // may be empty
  std::string_view reason;
  std::string_view effect;  // "sent", "signed by the ISP alone", "refused", "deferred"
};

// A message has come with a signature of its author's domain that is broken (senders_signature.h).
struct BrokenBefore {
  std::string_view id;
  std::string_view domain;
  std::string_view selector;  // may be empty
  std::string_view fault;
};

class Signer {
 public:
  static constexpr std::size_t kSigningMax = 64;
  static constexpr std::size_t kDomainsKept = 1024;  // by this core alone, beside the cache of all

  // What is referred to outlives the signer.
  struct Parts {
    io::Loop& loop;
    io::Workers& workers;  // for RSA, and for nothing that waits
    std::shared_ptr<KeyCache> keys;
    SigningCounters& counters;
    std::function<void(const NotSigned&)> not_signed;
    std::function<void(const BrokenBefore&)> broken_before;
  };
  Signer(Parts parts, SigningRules rules);
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;

  [[nodiscard]] const SigningRules& rules() const { return rules_; }
  [[nodiscard]] Instant now() const { return parts_.loop.now(); }
  io::Loop::TurnAwaiter next_turn() { return parts_.loop.next_turn("a turn to be hashed"); }
  // Signatures go out another time.
  void note_used_again(const Signed& made);
  // Content was hashed.
  void note_hashed_coming(std::uint64_t bytes) { parts_.counters.hashed_coming += bytes; }
  void note_hashed_sending(std::uint64_t bytes) { parts_.counters.hashed_sending += bytes; }
  // How the body has to be hashed.
  [[nodiscard]] dkim::BodyForms hashes() const;
  // Whether that customer's mail of that author's domain will have a signature, as far as this core knows: it does not
  // look, and of a domain or customer that it has not met it may.
  [[nodiscard]] bool may_sign(std::string_view domain, std::string_view customer);

  struct Request {
    std::string_view id;             // outlives the call
    CustomerShare share;             // whose turn it is
    std::string_view customer;       // likewise outlives the call; empty: none has chosen who signs
    bool own = false;                // a message of our own
    bool smtputf8 = false;           // the client asked for it
    bool internationalized = false;  // it goes on with SMTPUTF8
    bool converted = false;          // its body is not what was received
  };
  // `content`: finished; outlives the call.
  Task<Signed> sign(const ContentToSign& content, Request request);
  // Where such mail is refused: the reply, if the domain has no key.  What cannot be told now is told by sign().
  Task<std::optional<smtp::StandardReply>> refusal(std::string domain, Request request);
  // Where a message cannot be signed at all, as it is too long to be held.
  [[nodiscard]] Signed give_up(const Request& request, std::string_view reason);

 private:
  struct Wanted;
  struct Waiting;
  Task<SharedDomainKeys> keys_of(KeyOwner owner, CustomerShare share);
  Task<SharedDomainKeys> keys_for(std::string domain, Request request);
  [[nodiscard]] std::string author_domain(const ContentToSign& content, bool smtputf8) const;
  [[nodiscard]] Unsigned rule_without_key(const std::string& kept_back) const;
  std::optional<smtp::StandardReply> without_key(const Request& request, std::string_view domain,
                                                 const std::string& error, const std::string& kept_back);
  void look_at_senders(const ContentToSign& content, const Request& request, std::string_view domain);
  void want(const SharedDomainKeys& keys, std::vector<Wanted>& wanted) const;
  bool prepare(const ContentToSign& content, const Request& request, std::vector<Wanted>& wanted);
  Task<void> make_rsa(std::span<Wanted> wanted, CustomerShare share);
  Task<void> turn(CustomerShare share);
  void end_turn();

  Parts parts_;
  SigningRules rules_;
  LruMap<SharedDomainKeys> known_;
  absl::flat_hash_map<std::string, std::vector<AsyncEvent*>> loading_;
  dkim::SigningInputs inputs_;
  FairQueue<Waiting> waiting_;
  std::size_t signing_ = 0;
};

}  // namespace sluice::signing
