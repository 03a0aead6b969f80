// What the tests of whole sessions share: a simulated relay with a listener whose sessions are the real ones, people
// accounts that may log in, a scripted sink, and clients that say what a test sets. Owned by one test; its thread only.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/net/listener.h"
#include "engine/session/session.h"
#include "engine/tls/certificates.h"
#include "engine/tls/client_context.h"
#include "engine/tls/context.h"
#include "engine/tls/self_signed.h"
#include "tests/support/awaited.h"

namespace sluice::testing {

inline constexpr const char* kRelayHost = "192.0.2.1";
inline constexpr const char* kClientHost = "198.51.100.7";

// ------------------------------------------------------------------------------------------ accounts, and the message
// sink

// ann@example.com knows "right"; of down@example.com the back end can say nothing.
class People final : public auth::Authenticator {
 public:
  explicit People(io::Loop& loop);
  Task<auth::Answer> authenticate(auth::Credentials credentials) override;
  // Of the same people.
  [[nodiscard]] bool offers_scram() const override { return scram_ready; }
  Task<std::expected<auth::ScramKeys, auth::Answer>> scram_keys(const auth::ScramLogin& login) override;
  Task<auth::Answer> judge(const auth::ScramLogin& login, bool proven, std::string_view proof) override;
  // ann has a device, and its answer is always a digest of "a" alone.
  Task<auth::Answer> check_cram_md5(const auth::CramMd5Login& login) override;
  // Each certificate is ann's.
  Task<auth::Answer> check_certificate(const auth::CertificateLogin& login) override;

  bool scram_ready = false;
  Duration pause = std::chrono::milliseconds(20);
  std::vector<std::string> asked;
  std::string challenge;                       // that was answered last by CRAM-MD5
  std::vector<std::string> certificate_names;  // of the last login with one
  // ann's identity.  A test may change it under a session that is open.
  std::shared_ptr<auth::Identity> ann;
  std::string suspended_for;  // not empty: ann is refused at login, for this reason

 private:
  io::Loop& loop_;
};

struct TakenMessage {
  message::Envelope envelope;
  std::vector<std::string> recipients;  // that were taken
  std::string content;                  // as it came: dots still stuffed after DATA
  message::BodyForm form = message::BodyForm::dot_stuffed;
};

// Sinks that keep what they take in `ledger`, and hold a session to the order of calls in message/message_sink.h.
class ScriptedSinks final : public message::MessageSinkFactory {
 public:
  explicit ScriptedSinks(io::Loop& loop) : loop_(loop) {}
  ~ScriptedSinks() override { EXPECT_EQ(live, 0U); }
  std::unique_ptr<message::MessageSink> make(const message::Submitter& submitter) override;

  std::function<smtp::Reply(const message::Recipient&)> on_recipient;  // null: takes all
  smtp::Reply word{250, {2, 0, 0}, "Taken"};                           // at the end of each message
  Duration pause = Duration::zero();                                   // it takes up to so long over everything
  std::vector<TakenMessage> ledger;
  message::ContentFacts facts;  // of the last one that was finished
  std::vector<std::string> submitters;
  std::vector<ShareWeight> weights;  // of their shares
  std::uint64_t begun = 0;           // bodies
  std::uint64_t abandoned = 0;       // messages
  std::uint64_t live = 0;            // sinks

 private:
  class MessageSink;
  io::Loop& loop_;
};

class Ids final : public session::IdSource {
 public:
  std::string next() override { return "Q" + std::to_string(++last_); }

 private:
  int last_ = 0;
};

class Notes final : public session::Observer {
 public:
  void message(const session::MessageRecord& record) override {
    messages.push_back(std::to_string(record.code) + " " + std::string(record.detail));
    recipients.push_back(record.recipients);
    message_ids.emplace_back(record.message_id);
  }
  void aborted(const session::MessageRecord& record) override {
    aborts.push_back({.id = std::string(record.id),
                      .reason = record.reason,
                      .account = std::string(record.account),
                      .sender = std::string(record.reverse_path),
                      .recipients = record.recipients,
                      .message_id = std::string(record.message_id),
                      .next_hop = std::string(record.next_hop),
                      .recipients_taken = record.recipients_taken,
                      .bytes = record.bytes});
  }
  void login(const session::LoginRecord& record) override {
    logins.emplace_back(std::string(record.name), record.result);
  }
  void client_certificate(const session::CertificateRecord& record) override {
    certificate_faults.emplace_back(record.reason);
  }
  void unknown_class(const session::UnknownClassRecord& record) override {
    unknown_classes.push_back(std::string(record.policy_class) + " of " + std::string(record.account) + " is " +
                              std::string(record.default_class));
  }
  void noticed(const session::NoticeRecord& record) override {
    notices.push_back({.id = std::string(record.id),
                       .account = record.notice.account,
                       .client = std::string(record.client),
                       .step = record.notice.verdict.step,
                       .taken = record.notice.taken,
                       .reasons = noticing::reasons_text(record.notice.verdict)});
  }
  void refused(const session::RefusalRecord& record) override {
    refusals.push_back({.id = std::string(record.id),
                        .account = std::string(record.account),
                        .client = record.client,
                        .command = std::string(record.command),
                        .argument = std::string(record.argument),
                        .code = record.code,
                        .reason = record.reason,
                        .detail = std::string(record.detail)});
  }
  void ended(const session::EndRecord& record) override {
    endings.emplace_back(session::end_reason_row(record.reason).name);
    ends.push_back({.reason = record.reason,
                    .account = std::string(record.account),
                    .client = record.client.ip(),
                    .id = std::string(record.id),
                    .detail = std::string(record.detail),
                    .code = record.code,
                    .bytes = record.bytes_received,
                    .content_bytes = record.content_bytes,
                    .not_logged = record.refusals_not_logged});
  }
  struct Refusal {
    std::string id;
    std::string account;
    std::string client;
    std::string command;
    std::string argument;
    int code = 0;
    std::string reason;
    std::string detail;
  };
  struct Notice {
    std::string id;
    std::string account;
    std::string client;
    noticing::Step step{};
    noticing::Step taken{};
    std::string reasons;
  };
  struct End {
    session::EndReason reason{};
    std::string account;
    std::string client;
    std::string id;
    std::string detail;
    int code = 0;
    std::uint64_t bytes = 0;
    std::uint64_t content_bytes = 0;
    std::uint64_t not_logged = 0;
  };
  struct Abort {
    std::string id;
    std::string reason;
    std::string account;
    std::string sender;
    std::string recipients;
    std::string message_id;
    std::string next_hop;
    std::uint32_t recipients_taken = 0;
    std::uint64_t bytes = 0;
    bool operator==(const Abort&) const = default;
  };
  std::vector<Refusal> refusals;
  std::vector<Notice> notices;
  std::vector<Abort> aborts;
  std::vector<End> ends;
  std::vector<std::string> messages;
  std::vector<std::string> recipients;   // of these
  std::vector<std::string> message_ids;  // likewise
  std::vector<std::pair<std::string, session::AuthResult>> logins;
  std::vector<std::string> certificate_faults;
  std::vector<std::string> unknown_classes;
  std::vector<std::string> endings;
};

// Limits of a test: so many of each quantity, for ann alone; without a number there is no limit.
class ScriptedLimits final : public policy::SubmissionLimits {
 public:
  std::shared_ptr<policy::Submitter> open(const auth::Identity& identity) override;
  std::shared_ptr<policy::Submitter> open(const policy::TrustedNetwork& /*network*/) override { return nullptr; }

  struct Use {
    std::optional<std::uint64_t> limit;
    std::uint64_t reserved = 0;
    std::uint64_t spent = 0;
  };
  std::array<Use, policy::kQuantities> uses;
  policy::Action action = policy::Action::refuse;
  std::optional<std::int64_t> free_in_ms = 90'000;
  Use& of(policy::Quantity quantity) { return uses[static_cast<std::size_t>(quantity)]; }

 private:
  class Ann;
};

// ------------------------------------------------------------------------------------------ the relay's side

// One certificate, for relay.example, made once for the whole program.
class OneCertificate final : public tls::CertificateSource {
 public:
  std::expected<tls::CertificateFiles, std::string> read(std::string_view host, std::size_t pair) override;
  std::expected<std::string, std::string> read_policy_url(std::string_view host) override;
  std::optional<tls::HostStamp> stamp(std::string_view host) override;
};

class SessionHost {
 public:
  // `sinks`: null for scripted ones of its own.
  explicit SessionHost(Platforms& platforms, io::Loop& loop, message::MessageSinkFactory* sinks = nullptr);
  ~SessionHost() { EXPECT_TRUE(live_.empty()); }
  SessionHost(const SessionHost&) = delete;
  SessionHost& operator=(const SessionHost&) = delete;

  // Accepts no more, and waits for the sessions that there are; aborts them first if it is asked to.
  void close(bool abort = false);
  void drain() {
    for (session::Session& each : live_) each.drain();
  }
  void end_soon(session::EndReason reason) {
    for (session::Session& each : live_) each.end_soon(reason);
  }
  void cut_off() {
    for (session::Session& each : live_) each.cut_off();
  }
  [[nodiscard]] std::size_t live() const { return live_.size(); }
  [[nodiscard]] const io::Address& address() const { return address_; }
  session::ListenerRules& rules() { return *rules_; }  // before the first session

  io::Loop& loop;
  ScriptedSinks sinks;
  People people;
  Notes notes;
  session::SessionCounters counters;
  session::Admission admission;
  // In force for sessions that log in from then on.
  void set_limits(policy::SubmissionLimits& limits) { services_.limits = &limits; }
  // A reload: of the sessions that there are, too.
  void reload(std::shared_ptr<const policy::PolicyClasses> classes, policy::SubmissionLimits* limits) {
    services_.limits = limits;
    for (session::Session& each : live_) each.set_classes(classes, limits, true);
  }
  void set_watch(noticing::AccountWatch& watch) { services_.watch = &watch; }
  void set_countries(const io::CountryDatabase& countries) { services_.countries = &countries; }

 private:
  Task<void> serve(std::list<session::Session>::iterator session);

  Platforms& platforms_;
  Ids ids_;
  OneCertificate source_;
  tls::CertificateStore certificates_;
  tls::TicketKeys tickets_;
  tls::TlsContext tls_;
  std::shared_ptr<session::ListenerRules> rules_;
  session::Services services_;
  std::list<session::Session> live_;
  TaskSet tasks_;
  io::Address address_;
  std::unique_ptr<net::Listener> listener_;
};

// ------------------------------------------------------------------------------------------ the client's side

struct ClientReply {
  int code = 0;
  std::string text;  // lines parted by '\n'
};

class SessionClient {
 public:
  SessionClient(Platforms& platforms, io::Loop& loop, const io::Address& relay);
  ~SessionClient() { hang_up(); }
  SessionClient(const SessionClient&) = delete;
  SessionClient& operator=(const SessionClient&) = delete;

  void send(std::string_view text) { connection_->write(text); }
  // The next reply; its code is 0 when the relay has hung up instead.
  ClientReply reply();
  // Sends a line and waits for its reply.
  int say(std::string_view line);
  // Up to the answer to EHLO, logged in.
  void log_in();
  // STARTTLS with `behind` in the same segment.  False when the handshake fails.
  bool start_tls(std::string_view behind = {});
  // All that comes until the relay hangs up.
  std::string rest();
  void hang_up();
  [[nodiscard]] bool connected() const { return connection_ != nullptr; }
  // The relay has said close_notify, rather than only hung up.
  [[nodiscard]] bool heard_close_notify() const {
    return connection_->tls() != nullptr && connection_->tls()->state() == tls::TlsState::closed;
  }

 private:
  Task<bool> hear();
  bool more();

  Platforms& platforms_;
  io::Loop& loop_;
  std::unique_ptr<tls::TlsClientContext> tls_;
  std::unique_ptr<net::Connection> connection_;
  std::string heard_;
};

// AUTH PLAIN for ann@example.com with the right password.
inline constexpr std::string_view kMail = "MAIL FROM:<ann@example.com>";
inline constexpr std::string_view kRcpt = "RCPT TO:<bob@example.net>";
inline constexpr std::string_view kText = "From: <ann@example.com>\r\nSubject: x\r\n\r\nhello\r\n";
inline constexpr std::string_view kLogin = "AUTH PLAIN AGFubkBleGFtcGxlLmNvbQByaWdodA==";

// The replies in `text`, as far as they are complete; they are taken off it.
std::vector<ClientReply> take_replies(std::string& text);

}  // namespace sluice::testing
