#include "engine/server/log_observer.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "engine/base/client_block.h"

namespace sluice::server {
namespace {

static_assert(message::kAddressListBytesMax <= log::kLogValueBytesMax);

std::string_view result_text(session::AuthResult result) {
  switch (result) {
    case session::AuthResult::granted:
      return "granted";
    case session::AuthResult::wrong:
      return "wrong";
    case session::AuthResult::suspended:
      return "suspended";
    case session::AuthResult::unavailable:
      return "unavailable";
    case session::AuthResult::malformed:
      return "malformed";
  }
  return "?";
}

void append_client(log::LogLine& line, const session::MessageRecord& record) {
  line.field("listener", record.listener)
      .field("client", record.client)
      .field("helo", record.helo)
      .field_if_any("tls", record.tls);
}

void append_message(log::LogLine& line, const session::MessageRecord& record) {
  line.field_if_any("customer", record.customer)
      .field_if_any("account", record.account)
      .field("from", record.reverse_path)
      .field_if_any("author", record.author)
      .field("to", record.recipients)
      .field_if_any("message_id", record.message_id)
      .field("recipients", record.recipients_offered)
      .field("recipients_taken", record.recipients_taken)
      .field("bytes", record.bytes);
}

void append_next_hop(log::LogLine& line, const session::MessageRecord& record) {
  line.field_if_any("next_hop", record.next_hop)
      .field_if_any("next_hop_address", record.next_hop_address)
      .field_if_any("next_hop_tls", record.next_hop_tls);
}

}  // namespace

LogObserver::LogObserver(log::Log& log, io::Loop& loop)
    : log_(log), repeated_(loop, [&log](const log::RepeatedLines::Kind& kind, std::uint64_t count) {
        log.line(log::Level::info, "repeated")
            .field_if_any("client", kind.first)
            .field("reason", kind.second)
            .field("count", count);
      }) {}

void LogObserver::message(const session::MessageRecord& record) {
  const std::string_view verdict = record.code < 300 ? "taken" : record.code < 500 ? "deferred" : "refused";
  auto line = log_.line(log::Level::info, "message");
  line.field("id", record.id).field("verdict", verdict).field("code", record.code);
  append_client(line, record);
  line.field_if_any("cipher", record.tls_cipher);
  append_message(line, record);
  line.field("by", record.chunked ? "BDAT" : "DATA").field("ms", record.took);
  append_next_hop(line, record);
  line.field("reply", record.reply)
      .field_if_any("reason", record.reason)
      .field_if_any("detail", record.detail)
      .field("reply_sent", record.reply_sent);
}

void LogObserver::aborted(const session::MessageRecord& record) {
  auto line = log_.line(log::Level::info, "message_aborted");
  line.field("id", record.id).field("reason", record.reason);
  append_client(line, record);
  append_message(line, record);
  line.field("ms", record.took);
  append_next_hop(line, record);
  line.field_if_any("detail", record.detail);
}

void LogObserver::login(std::string_view listener, const io::Address& client, std::string_view name,
                        session::AuthResult result, std::string_view reason) {
  const bool granted = result == session::AuthResult::granted;
  const bool ours = result == session::AuthResult::unavailable;
  log_.line(ours      ? log::Level::error
            : granted ? log::Level::debug
                      : log::Level::warning,
            "login")
      .field("result", result_text(result))
      .field("listener", listener)
      .field("client", client.ip())
      .field_if_any("account", name)
      .field_if_any("why", reason);
}

void LogObserver::refused(const session::RefusalRecord& record) {
  auto line = log_.line(log::Level::info, "refused");
  line.field_if_any("id", record.id)
      .field("code", record.code)
      .field("reason", record.reason)
      .field("listener", record.listener)
      .field("client", record.client)
      .field_if_any("helo", record.helo)
      .field_if_any("customer", record.customer)
      .field_if_any("account", record.account)
      .field_if_any("command", record.command)
      .field_if_any("argument", record.argument)
      .field("reply", record.reply);
  if (record.not_logged > 0) line.field("not_logged", record.not_logged);
}

void LogObserver::ended(const session::EndRecord& record) {
  const std::string_view reason = session::end_reason_row(record.reason).name;
  if (record.lines_max > 0) {
    std::string block = client_block(record.client.ip_bytes(), ipv6_bits_).to_string();
    if (!repeated_.admit({std::move(block), std::string(reason)}, record.lines_max)) return;
  }
  auto line = log_.line(log::Level::info, "session_ended");
  line.field("reason", reason)
      .field("code", record.code)
      .field("listener", record.listener)
      .field("client", record.client.ip())
      .field_if_any("helo", record.helo)
      .field_if_any("tls", record.tls)
      .field_if_any("customer", record.customer)
      .field_if_any("account", record.account)
      .field("bytes", record.bytes_received)
      .field("bytes_sent", record.bytes_sent)
      .field("messages", record.messages)
      .field("refusals", record.refusals)
      .field("ms", record.lasted)
      .field_if_any("id", record.id);
  if (!record.id.empty()) line.field("content_bytes", record.content_bytes);
  if (record.refusals_not_logged > 0) line.field("refusals_not_logged", record.refusals_not_logged);
  line.field_if_any("detail", record.detail);
}

void LogObserver::accept_failed(std::string_view listener, int error) {
  if (!repeated_.admit({"", "accept_failed"}, 1)) return;
  log_.line(log::Level::error, "accept_failed").field("listener", listener).field("error", std::strerror(error));
}

void LogObserver::delivery(const relay::DeliveryRecord& record) {
  using relay::DeliveryOutcome;
  const auto counted = [&record](std::initializer_list<DeliveryOutcome> outcomes) {
    return std::ranges::find(outcomes, record.outcome) != outcomes.end() ? record.count : 0;
  };
  log_.line(log::Level::info, "delivery")
      .field("id", record.id)
      .field("verdict", relay::outcome_text(record.outcome))
      .field("code", record.code)
      .field_if_any("enhanced", smtp::enhanced_text(record.enhanced))
      .field_if_any("customer", record.customer)
      .field_if_any("account", record.account)
      .field("from", record.sender)
      .field("to", record.recipients)
      .field_if_any("message_id", record.message_id)
      .field("by", record.cut_through ? "cut_through" : "queue")
      .field_if_any("destination", record.destination)
      .field_if_any("next_hop", record.next_hop)
      .field_if_any("next_hop_address", record.next_hop_address)
      .field_if_any("next_hop_tls", record.tls)
      .field("taken", counted({DeliveryOutcome::relayed, DeliveryOutcome::delivered}))
      .field("refused", counted({DeliveryOutcome::refused}))
      .field("deferred", counted({DeliveryOutcome::deferred, DeliveryOutcome::not_attempted}))
      .field("bytes", record.bytes)
      .field("ms", record.took)
      .field("next_try", record.next_try)
      .field_if_any("detail", record.text);
}

void LogObserver::event(std::string_view id, std::string_view what, std::string_view detail) {
  log_.line(what == "damaged" ? log::Level::error : log::Level::info, "queue")
      .field("id", id)
      .field("what", what)
      .field("detail", detail);
}

}  // namespace sluice::server
