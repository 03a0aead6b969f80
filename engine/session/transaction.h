// One mail transaction: the envelope, the scan of the header, the sender's rights, and the sink.  Nothing
// reaches the sink's body before the header is complete and the author is one that the submitter may send as.
// Owned by a session, from MAIL to the last word; core thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/message/author.h"
#include "engine/message/envelope.h"
#include "engine/message/header_edit.h"
#include "engine/message/header_scan.h"
#include "engine/message/message_sink.h"
#include "engine/session/listener_rules.h"
#include "engine/session/recipient_index.h"
#include "engine/session/reservation.h"
#include "engine/session/sending_watch.h"
#include "engine/session/services.h"
#include "engine/smtp/command.h"
#include "policy/sender.h"

namespace sluice::session {

// The client, for Received and the log.  Views of what the session keeps.
struct Client {
  std::string_view helo;
  std::string_view policy_url;  // that refusals name; may be empty
  io::Address address;
  std::string_view tls_version;
  std::string_view tls_cipher;
  bool esmtp = false;
  bool authenticated = false;
};

class Transaction {
 public:
  // Who submits it.  `limits`: whose count; null: nobody's.  `watched`: null: nothing is noticed.
  struct Sender {
    policy::SenderRights rights;
    std::shared_ptr<policy::Submitter> limits;
    const WatchedLogin* watched = nullptr;
  };
  Transaction(Services& services, const ListenerRules& rules, Sender sender, Client client,
              std::unique_ptr<message::MessageSink> sink, message::Envelope envelope);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  message::Envelope& envelope() { return envelope_; }

  // Adds a recipient to those that the next add_recipients() asks for, or merges it with one that is taken or waits.
  void add(const smtp::RecipientCommand& command);
  // Offers the recipients that were added since the last call; one answer for each, in order.
  struct Answer {
    enum class Kind : std::uint8_t { offered, duplicate, surplus };
    Kind kind = Kind::offered;
    smtp::Reply reply;           // of a duplicate: of the one that it was merged with; none for a surplus one
    std::string recipient = {};  // of one that is refused
    std::string detail = {};     // likewise, where it is a limit that refuses: its figures
  };
  Task<void> add_recipients(std::vector<Answer>& answers);

  // Before the content is asked for: how long an account that was noticed has to wait.
  [[nodiscard]] noticing::Turn turn() const { return watch_.turn(taken_, services_.loop.now()); }

  // The content: begin(), then its bytes in `form`, then commit() with the reply for the client.
  void begin(message::BodyForm form);
  // `eight_bit`: up to here there was a byte over 127.
  Task<void> write(Chain bytes, bool eight_bit);
  // Decides against the message; the first reason stays.
  Task<void> refuse(smtp::Reply reply, std::string detail);
  [[nodiscard]] bool refused() const { return refusal_.has_value(); }
  Task<smtp::Reply> commit();
  // There will be no message.
  Task<void> abort();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // After commit() or abort().
  void describe(MessageRecord& record) const;

 private:
  enum class Stage : std::uint8_t { envelope, header, body, done };

  // Recipients that a limit leaves no room for; all for the same reason.
  struct OverLimit {
    std::size_t recipients = 0;
    smtp::Reply refusal;
    std::string figures;
  };
  // Of one call of add_recipients().
  struct OverLimits {
    OverLimit first_time;
    OverLimit all;
  };
  Task<void> keep_to_limits(std::size_t first, OverLimits& over);
  Task<void> keep_first_time(std::size_t first, OverLimit& over);
  Task<void> keep_recipients(std::size_t first, OverLimit& over);
  void drop(std::size_t first, const std::vector<bool>& keep, bool first_time);
  [[nodiscard]] OverLimit over_limit(std::size_t recipients, const policy::LimitReached& limit) const;
  [[nodiscard]] std::string hold_reason() const;
  [[nodiscard]] std::optional<smtp::Reply> judge_sending();
  Task<void> header_complete();
  [[nodiscard]] std::optional<smtp::Reply> judge(std::string& detail);
  [[nodiscard]] std::optional<smtp::Reply> judge_shown(const message::AuthorVerdict& verdict, std::string& detail);
  [[nodiscard]] bool header_is_eight_bit() const;
  [[nodiscard]] std::string fields_to_add();
  Task<void> abort_sink();
  [[nodiscard]] smtp::Reply not_permitted(const policy::SenderDecision& decision) const;

  Services& services_;
  const ListenerRules& rules_;
  policy::SenderRights rights_;
  Client client_;
  std::unique_ptr<message::MessageSink> sink_;
  message::Envelope envelope_;
  struct Added {
    Answer::Kind kind;
    std::size_t recipient;         // in the envelope; not of a surplus one
    std::string surplus = {};      // that one's path
    std::string refused = {};      // the path of one that the submitter's limits leave no room for
    bool over_first_time = false;  // it is a limit of first-time recipients that leaves no room for it
    std::string barred = {};       // the path of one that the account may not send to at present
  };
  Reservation reservation_;
  SendingWatch watch_;
  RecipientIndex index_;
  std::vector<Added> added_;      // and not answered
  std::vector<bool> accepted_;    // of the envelope's recipients that were offered
  std::vector<bool> first_time_;  // of the envelope's recipients, where a limit counts those that are
  std::uint32_t taken_ = 0;
  Stage stage_ = Stage::envelope;
  message::BodyForm form_ = message::BodyForm::dot_stuffed;
  message::HeaderScan header_;
  Chain held_;                              // the header while it is not complete
  std::vector<message::HeaderEdit> drops_;  // fields that do not go on
  bool mark_name_ = false;
  std::uint64_t bytes_ = 0;
  std::string author_;
  std::optional<smtp::Reply> refusal_;
  message::Outcome outcome_;
  Instant began_;
  Instant content_began_;  // its first byte
};

}  // namespace sluice::session
