#include "engine/notify/webhook.h"

#include "engine/notify/transfer.h"
#include "engine/text/json_text.h"
#include "engine/text/time_text.h"

namespace sluice::notify {
namespace {

constexpr long kRequestTimeout = 408;
constexpr long kTooManyRequests = 429;

Outcome::Result result_of(long status) {
  if (status >= 200 && status < 300) return Outcome::Result::delivered;
  const bool refused = status >= 400 && status < 500 && status != kRequestTimeout && status != kTooManyRequests;
  return refused ? Outcome::Result::never : Outcome::Result::later;
}

}  // namespace

std::string webhook_body(const Notification& notification, std::string_view host) {
  std::string body = "{\"id\":" + text::json_string(notification.id);
  body.append(",\"type\":").append(text::json_string(words_of(notification.cause).name));
  body.append(",\"timestamp\":").append(text::json_string(text::time_string(notification.at)));
  body.append(",\"host\":").append(text::json_string(host));
  body.append(",\"subject\":").append(text::json_string(notification.subject()));
  body.append(",\"severity\":").append(text::json_string(event::severity_text(notification.severity)));
  return body.append(",\"data\":").append(notification.json).append("}");
}

Outcome post_to_webhook(const WebhookOptions& webhook, const OutboxItem& item, WallMillis now,
                        const std::atomic<bool>& give_up) {
  const std::int64_t seconds = now / 1000;
  Transfer transfer(webhook.url, webhook.ca_file, webhook.timeout, give_up);
  transfer.add_header("Content-Type: application/json");
  transfer.add_header("User-Agent: Sluice");
  transfer.add_header("Expect:");
  transfer.add_header("webhook-id: " + item.id);
  transfer.add_header("webhook-timestamp: " + std::to_string(seconds));
  transfer.add_header("webhook-signature: " + webhook.secret->sign(item.id, seconds, item.text));
  transfer.post(item.text);
  const bool ended = transfer.run();
  const long status = transfer.code();
  // What was read of a response beyond its bound changes nothing about its status.
  if (!ended && result_of(status) != Outcome::Result::delivered)
    return {.result = status == 0 ? Outcome::Result::later : result_of(status), .words = transfer.words()};
  std::string words = std::to_string(status);
  if (const std::string answer = transfer.words(); !answer.empty()) words += " " + answer;
  return {.result = result_of(status), .words = words, .wait = transfer.retry_after()};
}

}  // namespace sluice::notify
