// One session of a run: a connection at a time, and the client's machine (smtp/client.h) on it.
// Owned by its Sender; its thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/task.h"
#include "engine/net/connection.h"
#include "engine/smtp/client.h"
#include "engine/tls/client_context.h"
#include "tools/load/sender.h"

namespace sluice::load {

class SendSession {
 public:
  explicit SendSession(Sender& sender);

  // Sends it, on a new connection where there is none that can be used. All its copies have their outcome then.
  Task<void> send(const Work& work);
  // The connection has carried as many messages as it may, or is of no more use.
  [[nodiscard]] bool spent() const;
  // Says QUIT where the dialog allows it, and closes. Also without a connection.
  Task<void> close();
  [[nodiscard]] bool connected() const { return connection_ != nullptr; }
  // Notes what the peer does while nothing is sent.
  void watch() { connection_->watch(); }

 private:
  struct Dialog;
  Task<bool> open();
  Task<bool> secure();
  Task<bool> log_in();
  Task<bool> say_hello();
  // One command, one reply; true where that is positive. `what`: for the results.
  Task<bool> ask(std::string_view text, const char* what);
  // The next reply; nothing where there will be none: why_ says why.
  Task<const smtp::ParsedReply*> reply(const char* what);
  Task<void> transact(Dialog& dialog);
  // These three: false where the transaction has not come to its end.
  Task<bool> envelope(Dialog& dialog);
  Task<bool> content(Dialog& dialog);
  Task<bool> bdat(Dialog& dialog);
  Task<bool> hear_recipients(Dialog& dialog);
  void append_chunks(Dialog& dialog, Chain& out);
  void settle(const Dialog& dialog);
  void refused(const char* what);

  Sender& sender_;
  std::unique_ptr<tls::TlsClientContext> tls_;  // its own: so each session finds its own ticket
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<smtp::ClientMachine> machine_;
  std::size_t login_ = 0;
  std::uint32_t messages_ = 0;  // on this connection
  bool broken_ = false;
  std::string why_;  // the last error, in words
};

}  // namespace sluice::load
