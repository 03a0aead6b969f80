// One client's session: the driver around the pure server machine.  It receives, feeds the machine, does
// what its events say, and sends the replies; a reader can follow a session from top to bottom in run().
// Owned by its core, which joins it before it goes; core thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/sasl.h"
#include "engine/net/connection.h"
#include "engine/session/listener_rules.h"
#include "engine/session/pace.h"
#include "engine/session/services.h"
#include "engine/session/transaction.h"
#include "engine/smtp/server.h"

namespace sluice::session {

class Session final : private smtp::RefusalObserver {
 public:
  // `rules` is kept alive by the session.
  Session(Services& services, std::shared_ptr<const ListenerRules> rules, std::unique_ptr<net::Connection> connection);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The whole session, to the closed connection.  Once.
  Task<void> run();
  // Asks for the end.  At once where nothing is under way: one that waits for a command gets 421, one that has not
  // been greeted yet is closed.  Between MAIL and the content a drain leaves kDrainGrace for the client to go on, other
  // reasons nothing.  Content that has begun is taken to its end first.
  void end_soon(EndReason reason);
  void drain() { end_soon(EndReason::shutting_down); }
  static constexpr Duration kDrainGrace = std::chrono::seconds(5);
  // The time for that is over: 421 in whatever state the protocol allows it.  A message whose sink is at work still
  // gets its reply.
  void cut_off(EndReason reason = EndReason::shutting_down);
  // Like that, and no message is taken any more: the one under way is refused at its end, however much of it has come.
  // Only one whose sink has been asked to commit it already has an outcome of its own.
  void contain();
  [[nodiscard]] bool is_contained() const { return contained_; }
  // From the next message on the limits and the noticing of these classes count, in place of those that it came with;
  // all else of its configuration stays.  `limits` live until the next call, or as long as the session.  `changed`:
  // they are other ones.
  void set_classes(std::shared_ptr<const policy::PolicyClasses> classes, policy::SubmissionLimits* limits,
                   bool changed);
  // Nothing is taken any more; what is left is to say so, and to close the connection.
  [[nodiscard]] bool is_over() const { return ended_.has_value(); }

  [[nodiscard]] const net::Connection& connection() const { return *connection_; }
  [[nodiscard]] const ListenerRules& rules() const { return *rules_; }
  [[nodiscard]] const auth::Identity* identity() const { return identity_.get(); }
  [[nodiscard]] bool in_transaction() const { return transaction_ != nullptr; }
  // It is over, or was asked to be.
  [[nodiscard]] bool is_ending() const { return ending_ || ended_; }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  [[nodiscard]] Instant since() const { return since_; }

 private:
  enum class Next : std::uint8_t { go_on, end };
  // What is waited for, if it is the client.
  enum class Wait : std::uint8_t { nothing, proxy_header, greeting, handshake, command, content };

  // Opening, and TLS: session_open.cc.
  Task<Next> open();
  Task<Next> read_proxy_header();
  Task<Next> await_greeting();
  [[nodiscard]] bool counts_by_address() const;
  Next admit(Admission::Admitted place, Admission::Place& kept);
  Next admit_handshake();
  Task<Next> handshake();
  Task<Next> on_start_tls();
  void note_plaintext(std::size_t bytes);

  // The dialog.
  Task<void> talk();
  Task<Next> on_event(smtp::Event event);
  Task<Next> need_more();
  void on_mail();
  void refuse_mail(smtp::Reply reply, std::string_view id);
  void on_recipient();
  Task<void> answer_recipients();
  Task<void> on_auth();
  Task<void> on_auth_response();
  Task<void> on_sasl(auth::Step step);
  Task<void> check(auth::Credentials credentials);
  // Where there is a challenge, behind it and the client's answer to that.
  void reply_to_auth(smtp::Reply reply, std::string_view challenge);
  Task<void> answer_login(auth::Answer answer, std::string_view name, std::string_view given, Instant asked);
  void note_login_time(AuthResult result);
  void apply_class(std::uint32_t failures_before);
  [[nodiscard]] auth::LoginClient login_client() const;
  [[nodiscard]] CustomerShare login_share() const;
  Task<void> delay_refusal(Instant asked);
  // If there is one: there will be no message.  `reason` is for the log.
  Task<void> end_transaction(std::string_view reason);
  [[nodiscard]] MessageRecord message_record() const;

  // SCRAM: session_scram.cc.
  void withhold_mechanisms();
  [[nodiscard]] auth::SaslSession sasl_session();
  Task<void> ask_keys(auth::Step step);
  Task<void> judge(auth::Step step);
  void confirm_login();
  void forget_scram();

  // Mechanisms that show no password otherwise: session_proof.cc.
  Task<void> check_cram_md5(auth::Step step);
  Task<void> check_certificate(auth::Step step);
  void note_client_certificate();

  // Content: session_content.cc.
  Task<Next> on_data();
  Task<Next> on_chunk();
  Task<Next> discard_chunk(std::uint64_t size);
  Task<Next> receive_content(const char* what);
  [[nodiscard]] bool far_too_big() const;
  void begin_content(message::BodyForm form);
  Task<void> take_turn();
  Task<void> take_content(Chain content, const smtp::ContentFlags& flags);
  Task<void> finish_message();
  Task<void> refuse_contained();

  // The wire.
  [[nodiscard]] smtp::Step step();
  [[nodiscard]] bool tls_in_clear();
  struct Deadline {
    Instant at;
    EndReason reason{};
  };
  [[nodiscard]] Deadline command_deadline() const;
  Task<Next> receive(Duration timeout, Wait wait, const char* what, EndReason late);
  void flush();
  Task<Next> flush_bounded();

  // The end, and refusals: session_end.cc.
  void end(EndReason reason, std::string_view detail = {});
  [[nodiscard]] Duration linger() const;  // for Connection::finish()
  void end_by(net::IoStatus status, EndReason late);
  [[nodiscard]] bool end_is_due() const;
  [[nodiscard]] bool can_reply() const;
  [[nodiscard]] bool in_content() const;
  void observe_end();
  std::string refused(const smtp::StandardReply& reply) override;
  [[nodiscard]] std::string refusal_id();
  void log_refusal(const smtp::Reply& reply, std::string_view id, std::string_view command, std::string_view argument,
                   std::string_view detail = {});
  void log_refused_line(const smtp::Reply& reply, std::string_view id);

  void set_identity(auth::IdentityRef identity);
  void open_limits();
  void take_new_classes();
  void watch_by(const policy::PolicyClasses::Chosen& chosen);
  [[nodiscard]] std::optional<policy::SenderRights> rights() const;
  [[nodiscard]] bool trusted() const;

  Services& services_;
  policy::SubmissionLimits* limits_;  // null: nothing is limited
  std::shared_ptr<const ListenerRules> rules_;
  std::unique_ptr<net::Connection> connection_;
  std::optional<smtp::ServerMachine> machine_;
  std::string out_;  // replies that are not sent yet
  smtp::ReplyWriter writer_{out_};
  auth::IdentityRef identity_;
  ShareWeight weight_ = 1;                                    // of the share of its customer, from the login on
  std::shared_ptr<policy::Submitter> submitter_;              // of identity_; null: nothing is limited
  std::shared_ptr<const policy::PolicyClasses> classes_;      // of the login
  std::shared_ptr<const policy::PolicyClasses> new_classes_;  // of a reload, for the next message; null: none
  std::uint32_t failures_before_ = 0;                         // of the login
  std::optional<WatchedLogin> watched_;                       // of identity_; none: nothing is noticed
  std::unique_ptr<auth::SaslMachine> sasl_;
  const auth::Mechanism* mechanism_ = nullptr;  // of the last AUTH
  std::unique_ptr<const smtp::Reply> refusal_;  // while the client owes its answer to that
  struct Scram {
    std::string given;  // the name as the client wrote it
    auth::ScramLogin login;
    std::uint32_t failures_before = 0;  // of the answer that granted it
  };
  std::unique_ptr<Scram> scram_;  // while a login by it goes on
  std::unique_ptr<Transaction> transaction_;
  std::optional<smtp::TextChecker> chunks_;  // while a message comes in BDATs
  Admission::Place place_;
  Admission::Place address_place_;
  Admission::Place handshake_place_;
  ContentPace pace_;
  RefusalLines lines_;
  std::string session_id_;  // shown in refusals where there is no message; made for the first of them
  std::string_view line_;   // that the machine is at, while it is
  struct Answering {
    std::string_view command;
    std::string_view argument;
    std::string_view detail = {};  // of a refusal
  };
  Answering answering_;   // the command that is being answered otherwise
  bool secret_ = false;   // line_ answers a challenge
  std::size_t mark_ = 0;  // where in out_ the reply to the last command begins
  // While content comes, where bare LFs are made CRLF; and how many there were.
  std::optional<smtp::LineEndNormaliser> line_ends_;
  std::uint64_t bare_lfs_ = 0;
  bool is_trusted_ = false;
  bool cut_off_ = false;
  bool contained_ = false;
  AsyncEvent* refusal_delay_ = nullptr;  // while a refused login is not answered yet
  AsyncEvent* turn_ = nullptr;           // while a message waits for its turn
  Wait wait_ = Wait::nothing;
  std::optional<EndReason> ending_;  // asked for
  std::optional<EndReason> ended_;   // why it is over
  std::string end_detail_;
  std::uint64_t messages_ = 0;  // taken
  std::uint64_t refusals_ = 0;
  std::uint64_t refusals_not_logged_ = 0;
  std::uint64_t not_logged_since_ = 0;  // the last line about one
  Instant since_;
  Instant auth_began_;               // the last AUTH
  Instant end_at_ = Instant::max();  // with ending_, in a transaction
  Instant progressed_at_;            // when the last command was done
  std::optional<Instant> line_began_;
};

}  // namespace sluice::session
