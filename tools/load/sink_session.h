// One session of a sink: the server's machine (smtp/server.h), driven so that it does what the options order.
// Owned by its Sink; its thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/sasl.h"
#include "engine/base/task.h"
#include "engine/net/connection.h"
#include "engine/smtp/server.h"
#include "tools/load/sink.h"
#include "tools/load/stamp.h"

namespace sluice::load {

class SinkSession {
 public:
  SinkSession(Sink& sink, net::Connection& connection);
  // Until the dialog is over; the connection is then still to be finished and closed.
  Task<void> run();
  // It ends by a reset.
  [[nodiscard]] bool reset() const { return reset_; }

 private:
  // What the options order for this one. order() is delay(), then decide().
  struct Order {
    bool reset = false;
    std::optional<smtp::Reply> refusal;
  };
  Task<void> delay(SinkStage stage);
  Order decide(SinkStage stage);
  Task<Order> order(SinkStage stage);
  // False where the session is over.
  Task<bool> open();
  Task<bool> start_tls();
  Task<bool> on_event(smtp::Event event);
  Task<bool> on_hello();
  Task<bool> on_mail();
  Task<bool> on_recipients();
  Task<bool> on_data();
  Task<bool> on_chunk();
  Task<bool> discard_chunk(std::uint64_t size);
  Task<bool> on_message();
  Task<bool> on_auth(auth::Step step);
  Task<bool> receive(const char* what);
  void flush();
  bool end_by_reset();
  void refused(const std::vector<std::string>& local_parts, bool for_good);
  void count_message();
  void end_transaction();

  Sink& sink_;
  net::Connection& connection_;
  smtp::ServerMachine machine_;
  std::string out_;
  smtp::ReplyWriter writer_{out_};
  std::unique_ptr<auth::SaslMachine> sasl_;
  std::string sender_;                   // the local part
  std::vector<std::string> asked_;       // local parts of recipients not answered yet
  std::vector<std::string> recipients_;  // of those accepted
  std::optional<StampCheck> check_;      // while content comes
  std::uint64_t content_bytes_ = 0;
  bool reset_ = false;
};

}  // namespace sluice::load
