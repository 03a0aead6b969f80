// A server that takes mail, checks it and throws it away: one loop's part of it.
// Owned by its thread, but for the ledger, which others may ask for.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/task.h"
#include "engine/net/connection.h"
#include "engine/net/listener.h"
#include "engine/smtp/server.h"
#include "engine/tls/context.h"
#include "tools/load/ledger.h"
#include "tools/load/sink_options.h"

namespace sluice::load {

struct SinkCounters {
  std::uint64_t connections = 0;
  std::uint64_t messages = 0;  // taken
  std::uint64_t bytes = 0;     // of their content, as it came
  std::uint64_t tls_full = 0;
  std::uint64_t tls_resumed = 0;
  std::uint64_t tls_failed = 0;
  std::uint64_t logins = 0;
  std::uint64_t refusals = 0;  // on demand
  std::uint64_t resets = 0;    // likewise
  void add(const SinkCounters& other);
};

struct SinkState {
  Ledger ledger;
  SinkCounters counters;
};

class Sink {
 public:
  // `tls`, which may be null where there is no TLS, outlives it. `boot`: see boot_number().
  Sink(io::Loop& loop, SinkOptions options, tls::TlsContext* tls, std::uint32_t boot);
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // `socket` listens; it is the sink's from now on.
  void listen(int socket);
  // Stops listening, ends all sessions. Once.
  Task<void> close();

  // Any thread: adds what it has seen so far to `state`.
  void collect(SinkState& state);

 private:
  friend class SinkSession;
  Task<void> serve(int socket);

  io::Loop& loop_;
  SinkOptions options_;
  tls::TlsContext* tls_;
  std::uint32_t boot_;
  smtp::ServerProfile profile_;
  std::unique_ptr<net::Listener> listener_;
  std::set<net::Connection*> open_;
  bool closing_ = false;
  TaskSet sessions_;
  std::mutex mutex_;  // over `state_`: each message is counted in one hold of it
  SinkState state_;
};

}  // namespace sluice::load
