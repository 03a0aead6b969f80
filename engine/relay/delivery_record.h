// What became of recipients, as it is logged: one record for each group of a message's recipients with the same outcome
// of one delivery attempt, whether the attempt was cut-through or from the queue.  So the log answers where a
// recipient's copy is: who took it, or what was said of it last. Values and an interface.  Core thread; an observer
// must not block.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/tls_facts.h"
#include "engine/message/envelope.h"
#include "engine/relay/transmission.h"

namespace sluice::relay {

enum class DeliveryOutcome : std::uint8_t {
  relayed,        // a next hop has taken it
  delivered,      // it is in a mailbox of our own
  deferred,       // not now: 4xx, or the connection failed or was lost
  refused,        // 5xx
  not_attempted,  // nothing was said of it to the next hop, for reasons of our own
  expired,        // given up after too long
  removed,        // by the operator
};
[[nodiscard]] std::string_view outcome_text(DeliveryOutcome outcome);

struct RecipientOutcome {
  std::uint32_t recipient = 0;  // index into Envelope::recipients
  DeliveryOutcome outcome = DeliveryOutcome::not_attempted;
  std::uint16_t code = 0;  // of the reply; 0: there was none
  smtp::EnhancedCode enhanced;
  std::string text;  // of the reply, or what went wrong

  [[nodiscard]] bool same_but_for_recipient(const RecipientOutcome& other) const {
    return outcome == other.outcome && code == other.code && enhanced == other.enhanced && text == other.text;
  }
};

struct DeliveryRecord {
  std::string_view id;
  std::string_view message_id;  // of the header
  std::string_view customer;    // empty: sent by a trusted network
  std::string_view account;     // likewise; or a DSN of ours
  std::string_view sender;      // the reverse-path; empty: the null one
  std::string_view destination;
  std::string_view next_hop;  // "mx.example.net:25"; empty: there was no connection
  std::string_view next_hop_address;
  TlsFacts tls;  // of that connection
  std::uint64_t bytes = 0;
  Duration took{};
  WallMillis next_try = 0;    // 0: none is due
  std::uint32_t attempt = 0;  // of the message, from 1, whatever the destination; 0: nothing was attempted
  bool cut_through = false;   // while the client waited
  bool by_operator = false;   // an operator has said what becomes of it

  // Filled in for each group.
  DeliveryOutcome outcome = DeliveryOutcome::not_attempted;
  std::uint16_t code = 0;
  smtp::EnhancedCode enhanced;
  std::string_view text;
  std::string_view recipients;  // "a@example.com, b@example.net"
  std::uint32_t count = 0;      // of them
};

// Writes the log.
class QueueObserver {
 public:
  virtual ~QueueObserver() = default;
  virtual void delivery(const DeliveryRecord& record) = 0;
  // `what`: "report", "report not sent", "damaged".
  virtual void event(std::string_view id, std::string_view what, std::string_view detail) = 0;
};

// So many bytes of addresses are in one record at most; a group with more of them has several.
inline constexpr std::size_t kRecordRecipientsBytesMax = 900;

// Gives `observer` a record for each group in `outcomes`; `record` says what all of them share.
void observe_deliveries(QueueObserver& observer, DeliveryRecord record, const message::Envelope& envelope,
                        std::vector<RecipientOutcome> outcomes);

// What a transmission found out about each recipient that it was for.
[[nodiscard]] std::vector<RecipientOutcome> outcomes_of(const Transmission& transmission);

// "451 4.3.0 Not now", or what went wrong where there was no reply.
[[nodiscard]] std::string response_text(std::uint16_t code, const smtp::EnhancedCode& enhanced, std::string_view text);

}  // namespace sluice::relay
