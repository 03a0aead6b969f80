#include "tests/support/sessions.h"

#include <array>
#include <ctime>

#include "tests/support/scram_client.h"

namespace sluice::testing {

class ScriptedLimits::Ann final : public policy::Submitter {
 public:
  explicit Ann(ScriptedLimits& limits) : limits_(limits) {}
  [[nodiscard]] bool limits(policy::Quantity quantity) const override { return limits_.of(quantity).limit.has_value(); }
  Task<policy::Reserved> reserve(policy::Quantity quantity, std::uint64_t wanted) override {
    Use& use = limits_.of(quantity);
    const std::uint64_t used = use.reserved + use.spent;
    const std::uint64_t room = use.limit ? *use.limit - std::min(*use.limit, used) : wanted;
    policy::Reserved reserved{.amount = std::min(room, wanted), .refused = {}, .passed = {}};
    use.reserved += reserved.amount;
    if (!policy::refuses(limits_.action) && used + wanted > use.limit.value_or(used + wanted)) {
      reserved.amount = wanted;
      use.reserved += wanted - std::min(room, wanted);
      reserved.passed = policy::LimitReached{
          .subject = policy::Subject::account,
          .name = "ann@example.com",
          .window = {.limit = {.quantity = quantity, .amount = *use.limit, .action = limits_.action}, .used = used}};
    }
    if (reserved.amount < wanted)
      reserved.refused = policy::LimitReached{.subject = policy::Subject::account,
                                              .name = "ann@example.com",
                                              .window = {.limit = {.quantity = quantity,
                                                                   .span = policy::Span::day,
                                                                   .amount = use.limit.value_or(0),
                                                                   .action = limits_.action},
                                                         .used = used,
                                                         .free_in_ms = limits_.free_in_ms}};
    co_return reserved;
  }
  void spend(policy::Quantity quantity, std::uint64_t amount) override {
    give_back(quantity, amount);
    limits_.of(quantity).spent += amount;
  }
  void give_back(policy::Quantity quantity, std::uint64_t amount) override {
    CHECK(limits_.of(quantity).reserved >= amount);
    limits_.of(quantity).reserved -= amount;
  }

 private:
  ScriptedLimits& limits_;
};

std::shared_ptr<policy::Submitter> ScriptedLimits::open(const auth::Identity& /*identity*/) {
  return std::make_shared<Ann>(*this);
}

using namespace std::chrono_literals;

// ------------------------------------------------------------------------------------------ people

People::People(io::Loop& loop) : ann(std::make_shared<auth::Identity>()), loop_(loop) {
  ann->account_name = "ann@example.com";
  ann->customer_name = "acme";
  ann->domains = std::make_shared<auth::DomainList>(std::vector<std::string>{"example.com"});
}

Task<auth::Answer> People::authenticate(auth::Credentials credentials) {
  asked.push_back(credentials.name.text());
  if (pause > Duration::zero()) co_await loop_.sleep(pause, "a password to be checked");
  if (credentials.name.folded() == "down@example.com") co_return auth::Answer::unavailable("it is down");
  if (credentials.name.folded() != "ann@example.com" || credentials.secret.reveal() != "right")
    co_return auth::Answer::wrong();
  if (!suspended_for.empty()) co_return auth::Answer::suspended(suspended_for, ann);
  co_return auth::Answer::granted(ann);
}

Task<std::expected<auth::ScramKeys, auth::Answer>> People::scram_keys(const auth::ScramLogin& login) {
  asked.push_back(login.name.text());
  if (pause > Duration::zero()) co_await loop_.sleep(pause, "keys to be looked up");
  if (login.name.folded() == "down@example.com") co_return std::unexpected(auth::Answer::unavailable("it is down"));
  auth::ScramKeys keys = scram_keys_of("right", "salt of ann", auth::kScramIterationsMin);
  if (login.name.folded() != "ann@example.com") keys.account_id = 0;
  co_return keys;
}

Task<auth::Answer> People::judge(const auth::ScramLogin& /*login*/, bool proven, std::string_view /*proof*/) {
  if (pause > Duration::zero()) co_await loop_.sleep(pause, "an account to be looked up");
  if (!proven) co_return auth::Answer::wrong();
  if (!suspended_for.empty()) co_return auth::Answer::suspended(suspended_for, ann);
  co_return auth::Answer::granted(ann);
}

Task<auth::Answer> People::check_cram_md5(const auth::CramMd5Login& login) {
  asked.push_back(login.name.text());
  challenge = login.challenge;
  if (pause > Duration::zero()) co_await loop_.sleep(pause, "a device to be looked up");
  if (login.name.folded() == "down@example.com") co_return auth::Answer::unavailable("it is down");
  const bool right = login.name.folded() == "ann@example.com" && login.digest == std::string(32, 'a');
  if (!right) co_return auth::Answer::wrong();
  if (!suspended_for.empty()) co_return auth::Answer::suspended(suspended_for, ann);
  co_return auth::Answer::granted(ann);
}

Task<auth::Answer> People::check_certificate(const auth::CertificateLogin& login) {
  asked.push_back(auth::certificate_login_name(login).text());
  certificate_names.clear();
  for (const auth::Name& name : login.names) certificate_names.push_back(name.text());
  if (pause > Duration::zero()) co_await loop_.sleep(pause, "a certificate to be looked up");
  if (login.authorization && login.authorization->folded() != "ann@example.com") co_return auth::Answer::wrong();
  if (!suspended_for.empty()) co_return auth::Answer::suspended(suspended_for, ann);
  co_return auth::Answer::granted(ann);
}

// ------------------------------------------------------------------------------------------ sinks

class ScriptedSinks::MessageSink final : public message::MessageSink {
 public:
  explicit MessageSink(ScriptedSinks& script) : script_(script) { ++script_.live; }
  ~MessageSink() override {
    EXPECT_EQ(stage_, Stage::done) << "a sink that was neither finished nor abandoned";
    --script_.live;
  }
  MessageSink(const MessageSink&) = delete;
  MessageSink& operator=(const MessageSink&) = delete;

  Task<void> add_recipients(const message::Envelope& envelope, std::size_t first,
                            std::vector<smtp::Reply>& answers) override {
    EXPECT_EQ(stage_, Stage::envelope);
    EXPECT_LT(first, envelope.recipients.size());
    co_await pause();
    for (std::size_t i = first; i < envelope.recipients.size(); ++i) {
      const message::Recipient& recipient = envelope.recipients[i];
      smtp::Reply answer =
          script_.on_recipient ? script_.on_recipient(recipient) : smtp::Reply(smtp::replies::kRecipientOk);
      if (answer.positive()) message_.recipients.push_back(recipient.forward_path);
      answers.push_back(std::move(answer));
    }
    message_.envelope = envelope;
    envelope_ = &envelope;
  }
  Task<void> begin(message::BodyForm form) override {
    EXPECT_EQ(stage_, Stage::envelope);
    EXPECT_FALSE(message_.recipients.empty());
    stage_ = Stage::body;
    message_.form = form;
    ++script_.begun;
    co_await pause();
  }
  Task<void> write(Chain bytes) override {
    EXPECT_EQ(stage_, Stage::body);
    co_await pause();
    message_.content += bytes.to_string();
  }
  Task<message::Outcome> commit() override {
    EXPECT_EQ(stage_, Stage::body);
    co_await pause();
    stage_ = Stage::done;
    script_.facts = envelope_->content;
    message_.envelope.hold_reason = envelope_->hold_reason;
    message::Outcome outcome;
    outcome.reply = script_.word;
    outcome.detail = "scripted";
    if (outcome.reply.positive()) script_.ledger.push_back(std::move(message_));
    co_return outcome;
  }
  Task<void> abort() override {
    EXPECT_NE(stage_, Stage::done);
    stage_ = Stage::done;
    ++script_.abandoned;
    co_await pause();
  }
  [[nodiscard]] message::Outcome asked() const override {
    message::Outcome outcome;
    if (envelope_ != nullptr) outcome.next_hop = "hop.example:25";
    return outcome;
  }

 private:
  enum class Stage : std::uint8_t { envelope, body, done };
  Task<void> pause() {
    if (script_.pause == Duration::zero()) co_return;
    const std::uint64_t chance = script_.loop_.platform().random.number();
    co_await script_.loop_.sleep(script_.pause * static_cast<std::int64_t>(chance % 100) / 100, "a scripted sink");
  }

  ScriptedSinks& script_;
  Stage stage_ = Stage::envelope;
  const message::Envelope* envelope_ = nullptr;
  TakenMessage message_;
};

std::unique_ptr<message::MessageSink> ScriptedSinks::make(const message::Submitter& submitter) {
  submitters.push_back(submitter.account);
  weights.push_back(submitter.weight);
  return std::make_unique<MessageSink>(*this);
}

// ------------------------------------------------------------------------------------------ the relay's side

std::expected<tls::CertificateFiles, std::string> OneCertificate::read(std::string_view /*host*/,
                                                                       std::size_t /*pair*/) {
  static const tls::SelfSigned made = [] {
    const std::array<std::string, 1> names{"relay.example"};
    return tls::make_self_signed(names, WallMillis{1000} * std::time(nullptr)).value();
  }();
  return tls::CertificateFiles{.chain_pem = made.certificate_pem, .key_pem = made.key_pem};
}

std::expected<std::string, std::string> OneCertificate::read_policy_url(std::string_view /*host*/) {
  return std::unexpected("none");
}

std::optional<tls::HostStamp> OneCertificate::stamp(std::string_view host) {
  if (host != "relay.example") return std::nullopt;
  return tls::HostStamp{.pairs = {tls::CertificateStamp{}}, .policy_url = std::nullopt};
}

SessionHost::SessionHost(Platforms& platforms, io::Loop& host_loop, message::MessageSinkFactory* other_sinks)
    : loop(host_loop),
      sinks(loop),
      people(loop),
      platforms_(platforms),
      certificates_(source_, {.default_host = "relay.example"}, loop.platform().clock,
                    [](std::string_view, std::string_view) {}),
      tickets_({}, loop.platform().clock, loop.platform().random),
      tls_({.listener = "test"}, certificates_, tickets_),
      rules_(std::make_shared<session::ListenerRules>()),
      services_{loop, people, other_sinks != nullptr ? *other_sinks : sinks, notes, ids_, counters, admission} {
  rules_->name = "test";
  rules_->profile.hostname = "relay.example";
  rules_->profile.mechanisms = {"PLAIN", "LOGIN"};
  rules_->profile.require_tls = false;
  rules_->profile.auth_without_tls = true;
  EXPECT_EQ(smtp::profile_fault(rules_->profile), nullptr);
  rules_->trusted_profile = rules_->profile;
  rules_->tls = &tls_;
  const int socket = loop.platform().sockets.listen(platforms.address(kRelayHost, 587), {}).value();
  address_ = loop.platform().sockets.local(socket);
  listener_ = std::make_unique<net::Listener>(loop, socket, [this](int accepted) {
    const io::Address peer = loop.platform().sockets.peer(accepted);
    live_.emplace_front(services_, rules_, std::make_unique<net::Connection>(loop, accepted, peer));
    tasks_.add(serve(live_.begin()));
  });
  listener_->start();
}

Task<void> SessionHost::serve(std::list<session::Session>::iterator session) {
  co_await session->run();
  live_.erase(session);
}

void SessionHost::close(bool abort) {
  await_done(platforms_, loop, [this] { return listener_->close(); });
  if (abort) loop.abort_all();
  EXPECT_TRUE(platforms_.run_until([this] { return tasks_.live() == 0; })) << "sessions that never ended";
}

// ------------------------------------------------------------------------------------------ the client's side

std::vector<ClientReply> take_replies(std::string& text) {
  std::vector<ClientReply> replies;
  std::size_t done = 0;
  ClientReply reply;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find("\r\n", at);
    if (end == std::string::npos) break;
    const std::string line = text.substr(at, end - at);
    at = end + 2;
    EXPECT_GE(line.size(), 3U) << line;
    reply.code = std::atoi(line.substr(0, 3).c_str());
    if (!reply.text.empty()) reply.text += '\n';
    reply.text += line.size() > 4 ? line.substr(4) : "";
    if (line.size() > 3 && line[3] == '-') continue;
    replies.push_back(std::exchange(reply, {}));
    done = at;
  }
  text.erase(0, done);
  return replies;
}

SessionClient::SessionClient(Platforms& platforms, io::Loop& loop, const io::Address& relay)
    : platforms_(platforms), loop_(loop) {
  using Dialled = std::expected<std::unique_ptr<net::Connection>, int>;
  auto dialled = await<Dialled>(platforms, loop, [&] { return net::Connection::connect(loop, relay, 30s); });
  if (dialled) connection_ = *std::move(dialled);
}

Task<bool> SessionClient::hear() {
  const net::IoStatus status = co_await connection_->more(1h, "a scripted client");
  heard_ += connection_->input().to_string();
  connection_->input().clear();
  co_return status == net::IoStatus::ok;
}

bool SessionClient::more() {
  return await<bool>(platforms_, loop_, [this] { return hear(); });
}

ClientReply SessionClient::reply() {
  for (;;) {
    // One at a time: what follows it stays.
    for (std::size_t at = 0, end = 0; (end = heard_.find("\r\n", at)) != std::string::npos; at = end + 2) {
      if (end - at > 3 && heard_[at + 3] == '-') continue;
      std::string one = heard_.substr(0, end + 2);
      heard_.erase(0, end + 2);
      return take_replies(one).front();
    }
    if (!more()) return {};
  }
}

int SessionClient::say(std::string_view line) {
  send(std::string(line) + "\r\n");
  return reply().code;
}

void SessionClient::log_in() {
  EXPECT_EQ(reply().code, 220);
  EXPECT_EQ(say("EHLO client.example"), 250);
  EXPECT_EQ(say(kLogin), 235);
}

bool SessionClient::start_tls(std::string_view behind) {
  send("STARTTLS\r\n" + std::string(behind));
  if (reply().code != 220) return false;
  EXPECT_EQ(heard_.find("\r\n"), std::string::npos) << "a reply in plain behind the 220";
  if (!heard_.empty()) return false;  // an alert: what came behind was no ClientHello
  auto context = tls::TlsClientContext::make({.verify = tls::TlsVerify::none});
  tls_ = *std::move(context);
  return await<net::IoStatus>(platforms_, loop_, [this] {
           return connection_->start_tls_client(*tls_, "relay.example", 1min);
         }) == net::IoStatus::ok;
}

std::string SessionClient::rest() {
  while (more()) {
  }
  return std::exchange(heard_, {});
}

void SessionClient::hang_up() {
  if (connection_ == nullptr) return;
  await_done(platforms_, loop_, [this] { return connection_->close(); });
  connection_ = nullptr;
}

}  // namespace sluice::testing
