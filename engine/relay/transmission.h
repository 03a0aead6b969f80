// One message on one connection to a next hop, with a result for every recipient.  For the sink while the client is
// still sending, and for a delivery attempt from the spool.
//
// Two ways to begin:
//   eager  ask()+  begin()  feed()*  finish()   each recipient is asked of the next hop at ask().
//   late           begin()  feed()*  finish()   nothing is said before the content is there, or more of it than
//                                               kGatherBytes.  A small message then goes out whole, in one segment
//                                               with its envelope where the next hop knows PIPELINING and CHUNKING.
// abandon() instead of anything, or of finish().  After finish() or abandon() it is done and is destroyed.
//
// Whose reply it was.  A reply counts only for the command that it answers.  Replies carry no mark of their command,
// and a transaction that went out whole is answered by some 2xx in a row: if the next hop says one too many (now, or
// late to the message before), each of ours reads the one before its own, RCPT's 250 passes for the message's, and the
// message's 5xx comes when all is over.  So nothing that the next hop said of a transaction counts before a last
// command is answered whose reply cannot be mistaken for another (NextHop::confirm): EHLO, sent in the same segment
// behind the content where the next hop knows PIPELINING, so that a transaction still is one send and one receive, and
// behind the last reply elsewhere.  Whatever number of replies was too many or too few before, that answer is then not
// in its place; and it leaves the connection in step, with no transaction open, for the next message.  If it is not in
// its place, or more follows, all of the transaction's results are void: the recipients are deferred, the connection
// is closed, and the next hop is talked to step by step for a while (no BDAT, no PIPELINING), so that a surplus reply
// is seen before the content is sent.  354, which only DATA has, shows whose the replies before were.  Only where
// replies were too many and each of those that may be the message's was positive, ours is among them, and the message
// was taken. A next hop that closes or is silent instead of answering that EHLO has not said too much; a refusal then
// stands.  An acceptance may be a surplus reply, said late, and the message's own have been the closing: it is in
// doubt, once.  The next hop is known then to leave so (Lack::last_word): the next time the content's end waits a
// moment for surplus replies, and if none comes, an acceptance stands.  So such a next hop gets one message twice, and
// none is lost. What remains, as it cannot be told from a next hop that has the message: a positive reply too many,
// and the content's own left out, without enhanced codes or behind 354.
//
// A kept connection may have been closed by the next hop just now.  That is no error: another one is taken, up
// to kStaleTriesMax times, the last time a new one.  Only where the message cannot have been taken: no recipient was
// answered yet; or, where the content's end went out together with the envelope, nothing at all was answered.  What
// was taken without our hearing of it would be tried again by the keeper of the message, so nothing is made worse.
// Owned by one sink or delivery attempt; core thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/tls_facts.h"
#include "engine/hop/pool.h"
#include "engine/message/delivery.h"
#include "engine/message/envelope.h"
#include "engine/message/message_sink.h"
#include "engine/relay/content_form.h"
#include "engine/relay/message_signer.h"

namespace sluice::relay {

// Who is behind a message, for a next hop that gets to know it (Route::identify).  `who` outlives it.
[[nodiscard]] inline smtp::XclientValues xclient_values(const message::Submitter& who) {
  return {.login = who.account, .addr = who.address, .proto = who.protocol, .helo = who.helo};
}

struct RecipientResult {
  enum class Kind : std::uint8_t {
    unasked,   // nothing was said of it, and nothing is wrong with it: the next hop takes no more at a time
    accepted,  // RCPT was answered 2xx, the message was not yet; never after finish()
    taken,     // the next hop has it
    refused,   // 5xx
    deferred,  // 4xx or failure
  };
  Kind kind = Kind::unasked;
  std::uint16_t code = 0;  // of the reply; 0: there was none
  smtp::EnhancedCode enhanced;
  std::string text;           // cleaned, at most kWordsBytesMax, lines parted by '\n'
  bool ours = false;          // what this relay found: no server said it
  bool of_recipient = false;  // see is_of_recipient()

  [[nodiscard]] bool final() const { return kind == Kind::taken || kind == Kind::refused; }
};

class Transmission final : private hop::Pool::Holder {
 public:
  using Kind = RecipientResult::Kind;

  // A message up to this is gathered whole before anything is said.
  static constexpr std::size_t kGatherBytes = 64 * 1024;
  // Unsent bytes to the next hop at which the caller of feed() has to wait.
  static constexpr std::size_t kWindowBytes = 256 * 1024;
  // Bytes that make up one BDAT of a message that is longer.
  static constexpr std::size_t kChunkBytes = 128 * 1024;
  static constexpr int kStaleTriesMax = 3;
  // What a sender has to keep up with while its message holds a connection that others wait for; and how far it may
  // fall behind.
  static constexpr std::uint64_t kPaceBytesPerSecond = 16 * 1024;
  static constexpr Duration kPaceGrace = std::chrono::seconds(1);

  struct Request {
    const message::Envelope& envelope;           // outlives the transmission
    std::vector<std::uint32_t> recipients;       // indices into envelope.recipients; empty for eager use
    std::optional<std::uint64_t> content_bytes;  // as BDAT would carry it, where it is known beforehand
    smtp::XclientValues who;                     // who sends it, for a next hop that gets to know it; outlives it too
    std::string_view customer;                   // whose share of the pool it is; outlives it too
    ShareWeight weight = 1;                      // of that share
    bool may_be_kept = false;                    // see undecided()
    MessageSigner* signer = nullptr;             // null: it goes on unsigned; outlives it too
  };

  Transmission(hop::Pool& pool, Request request);
  ~Transmission() override;
  Transmission(const Transmission&) = delete;
  Transmission& operator=(const Transmission&) = delete;

  // Eager: asks for these, too.  Their results are final as to RCPT.
  Task<void> ask(std::span<const std::uint32_t> recipients);
  Task<void> begin(message::BodyForm form);
  // Returns when more may come.  What comes after a failure is dropped.
  Task<void> feed(Chain bytes);
  // Before finish(): where the message is to be whole before it goes on, it cannot be held any more.
  void end_unheld();
  Task<void> finish();
  Task<void> abandon();

  // As in Request::recipients, in the order in which they were asked for.
  [[nodiscard]] std::span<const RecipientResult> results() const { return results_; }
  [[nodiscard]] std::span<const std::uint32_t> recipients() const { return request_.recipients; }
  // For a client that waits: what its recipient, or the message for it, is answered.
  [[nodiscard]] smtp::Reply reply_for(const RecipientResult& result) const;

  // For tests: whether it was the next hop's word or ours: a connection was had.
  [[nodiscard]] bool reached() const { return reached_; }
  // No host of the next hop could be reached, as opposed to: there were too many connections already.
  [[nodiscard]] bool unreachable() const { return unreachable_; }
  // False: the pool had no connection to give, which says nothing about the next hop.
  [[nodiscard]] bool attempted() const { return reached_ || unreachable_; }
  // For tests: the connection was lost after the content's end was sent: the next hop may have the message.
  [[nodiscard]] bool maybe_taken() const { return maybe_taken_; }
  [[nodiscard]] bool dsn_offered() const { return dsn_offered_; }
  // The next hop takes 7-bit content only, and only the whole message tells whether it is that; or the message is to be
  // signed, and is too long to be held for that: nothing of its content was sent.  It is to be kept, and sent once it
  // is whole; this was no attempt.
  [[nodiscard]] bool undecided() const { return undecided_; }
  [[nodiscard]] const std::string& next_hop() const { return next_hop_; }                  // "mx.example.net:25"
  [[nodiscard]] const std::string& next_hop_address() const { return next_hop_address_; }  // "192.0.2.25:25"
  [[nodiscard]] const TlsFacts& tls() const { return tls_; }
  // Of the reply that decided it, 0: there was none; and its words, or what went wrong.
  [[nodiscard]] std::uint16_t code() const { return code_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }

 private:
  // Where the dialog is, and where the content is:
  //
  //   Stage     said to the next hop            goes on to
  //   idle      nothing                         envelope
  //   envelope  MAIL, maybe RCPT                body; idle where another connection is tried
  //   body      all that comes before content   ended; idle likewise, while the content is not streamed
  //   ended     all that will be                -
  //
  //   Content    is                             goes on to
  //   not_begun  to come                        gathered; streamed where recipients were asked for before
  //   gathered   held, as nothing of it is out  whole at finish(); streamed past gather_max_
  //   whole      all here, to go out at once    -
  //   streamed   on its way as it comes         -
  enum class Stage : std::uint8_t { idle, envelope, body, ended };
  enum class Content : std::uint8_t { not_begun, gathered, whole, streamed };
  // Bytes over 127 in the content, for this next hop.
  enum class EightBit : std::uint8_t { as_it_is, converted, refused };
  // Why it does not go on: the result of every recipient that has none yet.
  struct Halt {
    RecipientResult result;
    bool closed = false;                 // the next hop has closed the connection
    bool unusable = true;                // the connection is of no further use
    bool doubt = false;                  // whose replies they were is not known: no result counts
    bool cannot_carry = false;           // this host cannot take the message as it is; another one may
    std::optional<hop::Lack> lack = {};  // the next hop does not do what it offers: to be remembered, and
    bool again = false;                  // it was said, so that nothing was taken: to be tried without that
    std::string detail = {};             // for the log, if that is more than the result's text
  };
  using Halted = std::optional<Halt>;
  using Step = Task<Halted> (Transmission::*)();

  // transmission_pace.cc
  class Busy;
  [[nodiscard]] bool held_up_by_sender(Instant now) const override;
  void give_way() override;

  // transmission.cc
  void gather(Chain bytes);
  Task<void> attempt(Step step);
  [[nodiscard]] bool stale(const Halt& halt, std::uint64_t replies_before) const;
  [[nodiscard]] bool try_without(const Halt& halt);
  void start_over();
  void end(Halt halt);
  void end_message(RecipientResult result, bool usable);
  void end_without_recipients(bool usable);
  void settle(const RecipientResult& result);
  void note(const RecipientResult& result, std::string detail = {});
  void give_back(bool usable);
  [[nodiscard]] bool over() const { return stage_ == Stage::ended; }
  [[nodiscard]] std::size_t count(Kind kind) const;
  Halt halt(hop::Failure failure);
  [[nodiscard]] Halt halt_by_reply() const;
  static Halt in_doubt(const hop::NextHop& hop);
  [[nodiscard]] RecipientResult result_of(smtp::Expect command, const smtp::ParsedReply& reply);
  [[nodiscard]] std::optional<hop::Lack> refused_parameter() const;

  // transmission_carry.cc
  [[nodiscard]] const smtp::StandardReply* cannot_carry() const;
  [[nodiscard]] std::optional<std::uint64_t> content_size() const;
  [[nodiscard]] bool needs_smtputf8() const;
  [[nodiscard]] smtp::Body body_to_declare() const;
  [[nodiscard]] std::optional<std::string_view> path_for_hop(const std::string& mailbox, std::string& ascii) const;
  void skip_unnameable();
  [[nodiscard]] std::string orcpt_for_hop(const std::string& orcpt) const;
  Halted fit_content();
  Halted convert_content();
  Halted fit_bytes(Chain& bytes);
  static Halt refusal(const smtp::StandardReply& reply);

  // transmission_signing.cc
  [[nodiscard]] bool is_signed_whole() const;
  [[nodiscard]] SignedForm signed_form() const;
  Task<void> sign_beforehand();
  Task<Halted> sign();
  void use(const signing::Signed& made);
  void end_too_long();
  void put_fields(Chain& out);

  // transmission_envelope.cc
  Task<bool> connect(bool fresh);
  [[nodiscard]] bool try_another_host(const Halt& halt);
  Task<Halted> introduce();
  [[nodiscard]] std::size_t room() const;
  void append_mail(std::string& text);
  void append_recipient(std::string& text);
  void append_envelope(std::string& text);
  Task<Halted> say_envelope();
  Task<Halted> read_envelope(std::size_t but);
  Halted on_envelope_reply(smtp::Expect expect);

  // transmission_content.cc
  Task<Halted> send_whole();
  Task<Halted> send_all_at_once();
  void send_segment(std::string_view text, Chain content, std::string_view behind = {});
  Task<Halted> open_content();
  Task<Halted> read_data_reply();
  Task<Halted> end_empty_data();
  Task<Halted> conclude(RecipientResult word, bool usable);
  [[nodiscard]] bool stands(hop::InStep in_step, const RecipientResult& word, bool taken) const;
  Task<Halted> conclude_without_content();
  Chain hold_back_cr(Chain bytes);
  Task<Halted> stream(Chain bytes);
  Task<Halted> send_chunk(bool last);
  Task<Halted> lost_in_body(std::string_view why);
  Halt unanswered_content(hop::Failure failure);
  Task<Halted> on_content_refused(smtp::Expect command, bool usable);
  void note_end_sent();
  Task<Halted> end_content();
  Task<Halted> read_final_reply();

  hop::Pool& pool_;
  Request request_;
  bool busy_ = false;  // at work for its caller: not held up by it
  Instant on_pace_until_{};
  std::vector<std::string> unable_;  // labels of hosts that cannot carry the message
  std::string auth_;                 // MAIL's AUTH parameter; empty: not said
  std::unique_ptr<hop::NextHop> hop_;
  std::vector<RecipientResult> results_;
  std::optional<RecipientResult> mail_refused_;
  std::optional<RecipientResult> last_word_;  // about the message; once it has ended
  Stage stage_ = Stage::idle;
  Content content_ = Content::not_begun;
  EightBit eight_bit_ = EightBit::as_it_is;
  bool late_ = true;
  bool fresh_ = false;     // the connection was taken in this attempt
  bool kept_ = false;      // and is not a new one
  bool ask_anew_ = false;  // kept ones are of no use
  bool chunking_ = false;
  bool cr_held_ = false;  // the content so far ends in a CR, which was not sent yet
  bool end_sent_ = false;
  Instant end_sent_at_{};
  bool waited_ = false;  // for surplus replies, before the content's end was sent
  bool mail_accepted_ = false;
  bool session_failure_ = false;         // a reply was about the session: the connection is not used again
  std::optional<hop::Lack> lack_found_;  // by a refused parameter
  std::vector<hop::Lack> without_;       // is done without, although it is offered
  bool unproved_ = false;                // and whether that is what was wrong is not known yet
  std::size_t written_ = 0;              // recipients for which RCPT was written
  std::size_t answered_ = 0;             // and answered
  bool undecided_ = false;
  std::optional<SevenBitForm> seven_bit_;  // of converted content that is streamed
  std::size_t gather_max_ = kGatherBytes;
  bool gather_on_ = false;  // it is too early to open the content
  message::BodyForm form_ = message::BodyForm::dot_stuffed;
  std::optional<SignedForm> signed_as_;  // which form `fields_` are of
  std::string fields_;                   // signatures, in front of the content
  Halted unsigned_;                      // why it may not go on as that; none: it may
  bool fields_out_ = false;              // they are in what was sent, or in `chunk_`
  ContentForm wire_;
  Chain gathered_;  // late: the content so far, in the form in which it came
  Chain chunk_;     // by BDAT: what the next one will carry

  std::optional<smtp::Reply> failure_reply_;
  bool reached_ = false;
  bool unreachable_ = false;
  bool maybe_taken_ = false;
  bool dsn_offered_ = false;
  std::string next_hop_;
  std::string next_hop_address_;
  TlsFacts tls_;
  std::uint16_t code_ = 0;
  std::string detail_;
};

// Writes the results into what is known of the message's recipients.
void apply_results(const Transmission& transmission, WallMillis now, message::DeliveryStatus& status);
// The same as one try, for the message's history.
message::Attempt attempt_of(const Transmission& transmission, WallMillis now);

}  // namespace sluice::relay
