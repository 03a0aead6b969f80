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
#include "engine/session/services.h"
#include "engine/session/transaction.h"
#include "engine/smtp/server.h"

namespace sluice::session {

class Session {
 public:
  // `rules` is kept alive by the session.
  Session(Services& services, std::shared_ptr<const ListenerRules> rules,
          std::unique_ptr<net::Connection> connection);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The whole session, to the closed connection.  Once.
  Task<void> run();
  // Asks for the end: at once if the client has nothing under way, else after its message.
  void drain();

  [[nodiscard]] const net::Connection& connection() const { return *connection_; }
  [[nodiscard]] const ListenerRules& rules() const { return *rules_; }
  [[nodiscard]] const auth::Identity* identity() const { return identity_.get(); }
  [[nodiscard]] bool in_transaction() const { return transaction_ != nullptr; }
  [[nodiscard]] Instant since() const { return since_; }

 private:
  enum class Next : std::uint8_t { go_on, end };

  // Opening.
  Task<Next> open();
  Task<Next> read_proxy_header();
  Task<Next> handshake();

  // The dialog.
  Task<void> talk();
  Task<Next> on_event(smtp::Event event);
  Task<Next> need_more();
  void on_mail();
  void on_recipient();
  Task<void> answer_recipients();
  Task<Next> on_start_tls();
  Task<void> on_auth();
  Task<void> on_auth_response();
  Task<void> on_sasl(auth::Step step);
  Task<void> check(auth::Credentials credentials);
  Task<void> end_transaction();

  // Content: session_content.cc.
  Task<Next> on_data();
  Task<Next> on_chunk();
  Task<Next> discard_chunk(std::uint64_t size);
  Task<void> finish_message();

  // The wire.
  [[nodiscard]] smtp::Step step();
  Task<Next> receive(Duration timeout, const char* what);
  void flush();
  Task<Next> flush_bounded();
  void say_and_close(const smtp::Reply& reply, const char* why);
  [[nodiscard]] Duration patience() const;

  [[nodiscard]] std::optional<policy::SenderRights> rights() const;
  [[nodiscard]] bool trusted() const;

  Services& services_;
  std::shared_ptr<const ListenerRules> rules_;
  std::unique_ptr<net::Connection> connection_;
  std::optional<smtp::ServerMachine> machine_;
  std::string out_;  // replies that are not sent yet
  smtp::ReplyWriter writer_{out_};
  auth::IdentityRef identity_;
  std::unique_ptr<auth::SaslMachine> sasl_;
  std::unique_ptr<Transaction> transaction_;
  std::optional<smtp::TextChecker> chunks_;  // while a message comes in BDATs
  bool is_trusted_ = false;
  bool draining_ = false;
  bool waiting_ = false;  // for a command, nothing under way
  Instant since_;
};

}  // namespace sluice::session
