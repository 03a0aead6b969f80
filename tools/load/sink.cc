#include "tools/load/sink.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "tools/load/sink_session.h"

namespace sluice::load {
namespace {

constexpr Duration kFarewell = std::chrono::seconds(5);
constexpr std::uint32_t kNoLimit = 1U << 30;

smtp::ServerProfile profile_of(const SinkOptions& options) {
  smtp::ServerProfile profile{.hostname = options.hostname,
                              .banner = "ESMTP sluice-sink",
                              .extensions = options.extensions,
                              .mechanisms = {"PLAIN", "LOGIN"},
                              .implicit_tls = options.tls == SinkTls::implicit,
                              .require_tls = false,
                              .require_auth = options.require_auth,
                              .auth_without_tls = true,
                              .message_bytes_max = options.message_bytes_max,
                              .recipients_max = smtp::kRecipientsMaxCeiling,
                              .recipients_outstanding_max = 1000,
                              // What is refused on demand ends no session.
                              .recipients_refused_max = kNoLimit,
                              .errors_max = kNoLimit,
                              .idle_commands_max = kNoLimit,
                              .auth_failures_max = kNoLimit};
  profile.extensions.starttls = options.tls == SinkTls::starttls;
  CHECK(smtp::profile_fault(profile) == nullptr);
  return profile;
}

}  // namespace

void SinkCounters::add(const SinkCounters& other) {
  connections += other.connections;
  messages += other.messages;
  bytes += other.bytes;
  tls_full += other.tls_full;
  tls_resumed += other.tls_resumed;
  tls_failed += other.tls_failed;
  logins += other.logins;
  refusals += other.refusals;
  resets += other.resets;
}

Sink::Sink(io::Loop& loop, SinkOptions options, tls::TlsContext* tls, std::uint32_t boot)
    : loop_(loop), options_(std::move(options)), tls_(tls), boot_(boot), profile_(profile_of(options_)) {
  CHECK(tls != nullptr || options_.tls == SinkTls::none);
}

void Sink::listen(int socket) {
  listener_ = std::make_unique<net::Listener>(loop_, socket, [this](int accepted) { sessions_.add(serve(accepted)); });
  listener_->start();
}

Task<void> Sink::serve(int socket) {
  net::Connection connection(loop_, socket, {});
  if (closing_) connection.terminate();
  open_.insert(&connection);
  {
    const std::lock_guard lock(mutex_);
    ++state_.counters.connections;
  }
  SinkSession session(*this, connection);
  co_await session.run();
  if (session.reset()) {
    connection.reset();
  } else {
    co_await connection.finish(kFarewell, Duration::zero());
  }
  open_.erase(&connection);
  co_await connection.close();
}

Task<void> Sink::close() {
  closing_ = true;
  co_await listener_->close();
  for (net::Connection* connection : open_) connection->terminate();
  co_await sessions_.join("sessions to end");
}

void Sink::collect(SinkState& state) {
  const std::lock_guard lock(mutex_);
  state.ledger.merge(state_.ledger);
  state.counters.add(state_.counters);
}

}  // namespace sluice::load
