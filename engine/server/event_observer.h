// Makes events of what sessions and the queue report.  One per core; never blocks (engine/event/dispatcher.h).
// What strangers can cause at will is one event for a burst (engine/event/repeated_events.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/client_block.h"
#include "engine/base/lru_map.h"
#include "engine/event/dispatcher.h"
#include "engine/event/repeated_events.h"
#include "engine/relay/queue.h"
#include "engine/session/observer.h"
#include "engine/signing/signer.h"
#include "policy/budget/core_limits.h"
#include "policy/limit_counters.h"

namespace sluice::server {

class EventObserver final : public session::Observer {
 public:
  EventObserver(event::Emitter& events, io::Loop& loop);

  void message(const session::MessageRecord& record) override;
  void aborted(const session::MessageRecord& record) override;
  void login(const session::LoginRecord& record) override;
  void unknown_class(const session::UnknownClassRecord& record) override;
  void client_certificate(const session::CertificateRecord& record) override;
  void noticed(const session::NoticeRecord& record) override;
  void refused(const session::RefusalRecord& record) override;
  void ended(const session::EndRecord& record) override;
  void delivery(const relay::DeliveryRecord& record);
  void event(std::string_view id, std::string_view what, std::string_view detail);
  // Of a next hop one line a minute and core.
  void refused_as_spam(const relay::DeliveryRecord& record);
  // Of a domain one line a minute and core.
  void not_signed(const signing::NotSigned& what);
  // Likewise.
  void broken_before(const signing::BrokenBefore& what);
  // Of a limit that refuses, or was passed, one line a minute and core.
  void limit(const policy::LimitNotice& notice);
  // All of them.
  [[nodiscard]] const policy::LimitCounters& limits() const { return limits_; }
  void accept_failed(std::string_view listener, int error);
  // `most` connections to next hops are open, and more are wanted.
  void outgoing_used_up(std::uint32_t most);
  // Called where an account comes to a step that holds its mail.
  void on_held(std::function<void(const noticing::Notice&)> held) { held_ = std::move(held); }
  // As auth::source_names() has them.
  void set_login_sources(std::vector<std::string> names) { login_sources_ = std::move(names); }
  // For the limits' blocks of client addresses (base/client_block.h).
  void set_ipv6_bits(unsigned bits) { ipv6_bits_ = bits; }
  // Emits what is still to be said; the loop is not needed afterwards.
  void close() { repeated_.flush(); }

 private:
  event::Emitter& events_;
  io::Loop& loop_;
  event::RepeatedEvents repeated_;
  void emit_more_recipients(const session::MessageRecord& record);
  bool is_news(std::string_view what);
  // Of auth::Answer::source; empty: nobody was asked.
  [[nodiscard]] std::string_view backend_name(std::uint8_t source) const;

  policy::LimitCounters limits_;
  std::function<void(const noticing::Notice&)> held_;
  LruMap<Instant> reported_;  // limits by subject, quantity and span, and next hops: when
  std::vector<std::string> login_sources_;
  unsigned ipv6_bits_ = kIpv6BlockBitsDefault;
};

}  // namespace sluice::server
