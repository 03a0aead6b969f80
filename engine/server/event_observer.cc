#include "engine/server/event_observer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <optional>

#include "auth/answer.h"
#include "engine/base/check.h"
#include "engine/base/client_block.h"

namespace sluice::server {
namespace {

static_assert(message::kAddressListBytesMax <= event::kTextBytesMax);

constexpr std::uint8_t kRefusedLoginLinesMax = 10;  // of one network, for a burst
constexpr std::uint8_t kUnknownClassLinesMax = 10;

std::string_view certificate_text(const TlsFacts& tls) {
  if (tls.version.empty()) return {};
  return tls.verified ? "verified" : "not_verified";
}

std::optional<std::uint64_t> if_any(std::uint64_t count) { return count > 0 ? std::optional(count) : std::nullopt; }

}  // namespace

EventObserver::EventObserver(event::Emitter& events, io::Loop& loop)
    : events_(events),
      loop_(loop),
      repeated_(loop, [&events](const event::RepeatedEvents::Like& like, std::uint64_t count) {
        events.emit(event::Repeated{.client = like.first, .reason = like.second, .count = count});
      }) {}

void EventObserver::message(const session::MessageRecord& record) {
  events_.emit(event::Message{.id = record.id,
                              .verdict = record.code < 300   ? "taken"
                                         : record.code < 500 ? "deferred"
                                                             : "refused",
                              .code = record.code,
                              .listener = record.listener,
                              .client = record.client,
                              .helo = record.helo,
                              .tls = record.tls,
                              .cipher = record.tls_cipher,
                              .customer = record.customer,
                              .account = record.account,
                              .from = record.reverse_path,
                              .author = record.author,
                              .to = record.recipients,
                              .message_id = record.message_id,
                              .recipients = record.recipients_offered,
                              .recipients_taken = record.recipients_taken,
                              .bytes = record.bytes,
                              .by = record.chunked ? "BDAT" : "DATA",
                              .ms = record.took,
                              .next_hop = record.next_hop,
                              .next_hop_address = record.next_hop_address,
                              .next_hop_tls = record.next_hop_tls,
                              .reply = record.reply,
                              .reason = record.reason,
                              .detail = record.detail,
                              .reply_sent = record.reply_sent});
  emit_more_recipients(record);
  if (record.hold_reason.empty()) return;
  events_.emit(event::MessageHeld{.id = record.id,
                                  .account = record.account,
                                  .customer = record.customer,
                                  .from = record.reverse_path,
                                  .recipients = record.recipients_taken,
                                  .reason = record.hold_reason});
}

void EventObserver::aborted(const session::MessageRecord& record) {
  events_.emit(event::MessageAborted{.id = record.id,
                                     .reason = record.reason,
                                     .listener = record.listener,
                                     .client = record.client,
                                     .helo = record.helo,
                                     .tls = record.tls,
                                     .customer = record.customer,
                                     .account = record.account,
                                     .from = record.reverse_path,
                                     .author = record.author,
                                     .to = record.recipients,
                                     .message_id = record.message_id,
                                     .recipients = record.recipients_offered,
                                     .recipients_taken = record.recipients_taken,
                                     .bytes = record.bytes,
                                     .ms = record.took,
                                     .next_hop = record.next_hop,
                                     .next_hop_address = record.next_hop_address,
                                     .next_hop_tls = record.next_hop_tls,
                                     .detail = record.detail});
  emit_more_recipients(record);
}

// Behind the line of the message.
void EventObserver::emit_more_recipients(const session::MessageRecord& record) {
  std::uint64_t part = 1;
  for (const std::string& list : record.more_recipients)
    events_.emit(event::MessageRecipients{.id = record.id, .part = ++part, .to = list});
}

void EventObserver::login(const session::LoginRecord& record) {
  // What the shield refuses goes on trying, at whatever pace it likes.
  if (record.result == session::AuthResult::refused &&
      !repeated_.admit({client_block(record.client.ip_bytes(), ipv6_bits_).to_string(), "login"},
                       kRefusedLoginLinesMax))
    return;
  const event::Severity severity = record.result == session::AuthResult::unavailable ? event::Severity::error
                                   : record.result == session::AuthResult::granted && record.reason.empty()
                                       ? event::Severity::info
                                       : event::Login::kSeverity;
  events_.emit(event::Login{.result = session::auth_result_name(record.result),
                            .listener = record.listener,
                            .client = record.client.ip(),
                            .account = record.name,
                            .given = record.given,
                            .backend = backend_name(record.source),
                            .ms = record.took,
                            .reason = record.reason},
               severity);
}

std::string_view EventObserver::backend_name(std::uint8_t source) const {
  if (source == auth::kNoSource) return {};
  CHECK(source < login_sources_.size());
  return login_sources_[source];
}

void EventObserver::client_certificate(const session::CertificateRecord& record) {
  // Each handshake of a stranger could bring one.
  if (!repeated_.admit({client_block(record.client.ip_bytes(), ipv6_bits_).to_string(), "client_certificate"},
                       kRefusedLoginLinesMax))
    return;
  events_.emit(event::ClientCertificateFault{.listener = record.listener,
                                             .client = record.client.ip(),
                                             .fingerprint = record.fingerprint,
                                             .reason = record.reason});
}

void EventObserver::unknown_class(const session::UnknownClassRecord& record) {
  // Each login of a customer of many accounts.
  if (!repeated_.admit({"", "unknown_class"}, kUnknownClassLinesMax)) return;
  events_.emit(event::UnknownClass{.policy_class = record.policy_class,
                                   .default_class = record.default_class,
                                   .listener = record.listener,
                                   .customer = record.customer,
                                   .account = record.account});
}

void EventObserver::refused(const session::RefusalRecord& record) {
  events_.emit(event::Refused{.id = record.id,
                              .code = record.code,
                              .reason = record.reason,
                              .listener = record.listener,
                              .client = record.client,
                              .helo = record.helo,
                              .customer = record.customer,
                              .account = record.account,
                              .command = record.command,
                              .argument = record.argument,
                              .reply = record.reply,
                              .detail = record.detail,
                              .not_logged = if_any(record.not_logged)});
}

void EventObserver::ended(const session::EndRecord& record) {
  const std::string_view reason = session::end_reason_row(record.reason).name;
  if (record.lines_max > 0) {
    std::string block = client_block(record.client.ip_bytes(), ipv6_bits_).to_string();
    if (!repeated_.admit({std::move(block), std::string(reason)}, record.lines_max)) return;
  }
  events_.emit(
      event::SessionEnded{.reason = reason,
                          .code = record.code,
                          .listener = record.listener,
                          .client = record.client.ip(),
                          .helo = record.helo,
                          .tls = record.tls,
                          .customer = record.customer,
                          .account = record.account,
                          .bytes = record.bytes_received,
                          .bytes_sent = record.bytes_sent,
                          .messages = record.messages,
                          .refusals = record.refusals,
                          .ms = record.lasted,
                          .id = record.id,
                          .content_bytes = record.id.empty() ? std::nullopt : std::optional(record.content_bytes),
                          .refusals_not_logged = if_any(record.refusals_not_logged),
                          .detail = record.detail});
}

// Once a minute.
bool EventObserver::is_news(std::string_view what) {
  constexpr Duration kAgain = std::chrono::minutes(1);
  constexpr std::size_t kReportedMax = 4096;
  const Instant now = loop_.now();
  if (Instant* const last = reported_.find(what)) {
    if (now - *last < kAgain) return false;
    *last = now;
    return true;
  }
  reported_.make_room(kReportedMax);
  reported_.insert(what, now);
  return true;
}

void EventObserver::noticed(const session::NoticeRecord& record) {
  const noticing::Notice& notice = record.notice;
  events_.emit(event::AccountNoticed{.id = record.id,
                                     .account = notice.account,
                                     .customer = record.customer,
                                     .policy_class = notice.policy_class,
                                     .step = noticing::step_name(notice.verdict.step),
                                     .effect = noticing::step_name(notice.taken),
                                     .strikes = notice.verdict.strikes,
                                     .score = static_cast<std::uint64_t>(std::lround(notice.verdict.score)),
                                     .reasons = noticing::reasons_text(notice.verdict),
                                     .client = record.client},
               notice.taken > noticing::Step::tell ? event::AccountNoticed::kSeverity : event::Severity::info);
  if (notice.taken >= noticing::Step::hold && held_) held_(notice);
}

void EventObserver::refused_as_spam(const relay::DeliveryRecord& record) {
  if (!is_news(std::string("spam ").append(record.next_hop))) return;
  events_.emit(event::RefusedAsSpam{.id = record.id,
                                    .account = record.account,
                                    .customer = record.customer,
                                    .next_hop = record.next_hop,
                                    .code = record.code,
                                    .reply = record.text});
}

void EventObserver::not_signed(const signing::NotSigned& what) {
  std::string key("unsigned ");
  key.append(what.domain).append(" ").append(what.effect);
  if (!is_news(key)) return;
  events_.emit(
      event::MessageNotSigned{.id = what.id, .domain = what.domain, .reason = what.reason, .effect = what.effect});
}

void EventObserver::broken_before(const signing::BrokenBefore& what) {
  if (!is_news(std::string("broken ").append(what.domain))) return;
  events_.emit(
      event::SignatureBroken{.id = what.id, .domain = what.domain, .selector = what.selector, .reason = what.fault});
}

void EventObserver::limit(const policy::LimitNotice& notice) {
  const policy::LimitReached& limit = notice.limit;
  const policy::Limit& rule = limit.window.limit;
  const std::string_view quantity = policy::quantity_name(rule.quantity);
  const std::string_view span = policy::span_name(rule.span);
  std::string key(policy::subject_name(limit.subject));
  key.append(" ").append(limit.name).append(" ").append(quantity).append(" ").append(span);
  if (notice.kind == policy::LimitNotice::Kind::near) {
    // What is given back and asked for again comes near each time.
    if (!is_news("near " + key)) return;
    events_.emit(event::SubmissionLimitNear{.subject = policy::subject_name(limit.subject),
                                            .name = limit.name,
                                            .quantity = quantity,
                                            .window = span,
                                            .limit = rule.amount,
                                            .used = limit.window.used});
    return;
  }
  limits_.add(limit.subject, rule);
  if (!is_news(key)) return;
  events_.emit(event::SubmissionLimitReached{
      .subject = policy::subject_name(limit.subject),
      .name = limit.name,
      .quantity = quantity,
      .window = span,
      .limit = rule.amount,
      .used = limit.window.used,
      .effect = rule.action == policy::Action::tell ? "told" : policy::action_name(rule.action),
      .shadow = notice.shadow,
      .account = notice.account,
      .customer = notice.customer});
}

void EventObserver::accept_failed(std::string_view listener, int error) {
  if (!repeated_.admit({"", "accept_failed"}, 1)) return;
  events_.emit(event::AcceptFailed{.listener = listener, .error = std::strerror(error)});
}

void EventObserver::outgoing_used_up(std::uint32_t most) {
  if (!repeated_.admit({"", "limit_reached"}, 1)) return;
  events_.emit(event::LimitReached{
      .what = "outgoing connections of a core",
      .is = most,
      .remedy = "raise limits.outgoing_per_core and what it needs of open files (ulimit -n, LimitNOFILE=)"});
}

void EventObserver::delivery(const relay::DeliveryRecord& record) {
  using relay::DeliveryOutcome;
  const auto counted = [&record](std::initializer_list<DeliveryOutcome> outcomes) {
    return std::ranges::find(outcomes, record.outcome) != outcomes.end() ? record.count : 0;
  };
  events_.emit(event::Delivery{.id = record.id,
                               .verdict = relay::outcome_text(record.outcome),
                               .code = record.code,
                               .enhanced = smtp::enhanced_text(record.enhanced),
                               .customer = record.customer,
                               .account = record.account,
                               .from = record.sender,
                               .to = record.recipients,
                               .message_id = record.message_id,
                               .by = record.cut_through   ? "cut_through"
                                     : record.by_operator ? "operator"
                                                          : "queue",
                               .destination = record.destination,
                               .next_hop = record.next_hop,
                               .next_hop_address = record.next_hop_address,
                               .next_hop_tls = record.tls.version,
                               .next_hop_tls_group = record.tls.group,
                               .next_hop_certificate = certificate_text(record.tls),
                               .attempt = if_any(record.attempt),
                               .taken = counted({DeliveryOutcome::relayed, DeliveryOutcome::delivered}),
                               .refused = counted({DeliveryOutcome::refused}),
                               .deferred = counted({DeliveryOutcome::deferred, DeliveryOutcome::not_attempted}),
                               .bytes = record.bytes,
                               .ms = record.took,
                               .next_try = record.next_try,
                               .detail = record.text});
}

void EventObserver::event(std::string_view id, std::string_view what, std::string_view detail) {
  events_.emit(event::QueueNote{.id = id, .what = what, .detail = detail},
               what == "damaged" ? event::Severity::error : event::QueueNote::kSeverity);
}

}  // namespace sluice::server
