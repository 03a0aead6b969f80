// [notify] and [[webhook]]: who is notified of what, and how.
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/oauth/http_client.h"
#include "engine/config/sections.h"
#include "engine/notify/cause.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

constexpr std::size_t kWebhooksMax = 16;
constexpr std::size_t kOperatorsMax = 16;

std::string cause_names() { return text::list_in_quotes(notify::causes(), &notify::CauseWords::name); }

std::expected<std::string, std::string> check_cause(std::string_view text) {
  if (notify::find_cause(text)) return std::string(text);
  std::vector<std::string_view> names;
  for (const notify::CauseWords& cause : notify::causes()) names.push_back(cause.name);
  std::string problem = "is none of them";
  if (const std::string_view meant = text::did_you_mean(text, names); !meant.empty())
    problem += ", did you mean " + text::in_quotes(meant) + "?";
  return std::unexpected(std::move(problem));
}

std::expected<std::string, std::string> check_operator(std::string_view text) {
  if (text.empty()) return std::unexpected("is empty");
  return kMailboxRule.check(text);
}

std::expected<std::string, std::string> check_webhook_url(std::string_view text) {
  std::string url(text);
  if (std::string fault = auth::url_fault(url); !fault.empty()) return std::unexpected(std::move(fault));
  return url;
}
constexpr TextRule kWebhookUrlRule{check_webhook_url, "https://, or http:// and a loopback address"};

std::expected<std::string, std::string> check_mail_server(std::string_view text) {
  return text.empty() ? std::string() : kNextHopRule.check(text);
}
const TextRule kMailServerRule{check_mail_server, kNextHopAllowed};

void read_webhook(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics, WebhookConfig& webhook) {
  constexpr std::int64_t kTimeoutMaxS = 60;
  constexpr std::int64_t kQueueMax = 100'000;
  ConfigSection section(table, "webhook", std::move(path), diagnostics);
  section.heading(
      "Webhooks: each event of those below is sent to a URL as JSON, signed as Standard Webhooks has it\n"
      "(standardwebhooks.com: webhook-id, webhook-timestamp, webhook-signature), with all keys that the log has. What\n"
      "is not answered with 2xx is tried five times within about seven minutes; a 4xx other than 408 and 429 is not.\n"
      "What waits is in memory: a kill loses it, and a stop gives it three seconds.",
      TableForm::listed);
  section.about(
      "https, its certificate checked by the system's authorities or those in ca_file; http to a loopback address "
      "alone. No redirect is followed.",
      Change::restart);
  section.example("\"https://hooks.example.net/sluice\"");
  section.text("url", webhook.url, kWebhookUrlRule);
  section.text("ca_file", webhook.ca_file, kAnyPathRule);
  section.about(
      "A file with the secret that signs: \"whsec_\" and, behind it, what `openssl rand -base64 32` prints. For the "
      "relay's user alone.",
      Change::restart);
  section.example("\"/etc/sluice/webhook.secret\"");
  section.text("secret_file", webhook.secret_file, kSecretRule);
  section.about("Of what: " + cause_names() + ". None: all.", Change::restart);
  section.example(R"(["limit_reached", "contained", "released"])");
  section.list("events", webhook.events, cause_names(), check_cause);
  section.about(
      "How long an answer may take; and how many events may wait for it. What finds no room is lost, and counted in "
      "the "
      "log (notifications_lost).",
      Change::restart);
  section.seconds("timeout_s", webhook.timeout, 1, kTimeoutMaxS);
  section.integer("queue", webhook.queue, 1, kQueueMax);
  if (table == nullptr) return;
  if (webhook.url.empty() && !section.has("url")) section.error("url", "is missing", kWebhookUrlRule.allowed);
  if (webhook.secret_file.empty() && !section.has("secret_file"))
    section.error("secret_file", "is missing", kSecretRule.allowed);
}

}  // namespace

void read_notify(const ConfigNode* table, ConfigDiagnostics& diagnostics, NotifyConfig& notify) {
  using Tls = ConfigSection::Choice<notify::MailTls>;
  ConfigSection section(table, "notify", "notify", diagnostics);
  section.about("Who gets mail about what the relay notices: operators, of `events` (none: all of " + cause_names() +
                    "). Of one cause and subject one mail an hour, with a count of further ones.",
                Change::restart);
  section.example(R"(["postmaster@example.net"])");
  section.list("operator", notify.operators, kMailboxRule.allowed, check_operator);
  section.list("events", notify.events, cause_names(), check_cause);
  section.about(
      "true: the owner of an account gets mail, too, where the account's name is a mailbox: when a limit is reached, "
      "and "
      "when the account is contained or released.",
      Change::restart);
  section.boolean("owner", notify.owner);
  section.about(
      "The server that this mail is given to: never the relay's own queue, which may be what is in difficulty. Without "
      "a port it is 25. `tls` is \"starttls\" or \"implicit\", with a certificate that is checked for the host by the "
      "system's authorities or those in ca_file, or \"none\". What waits for it is in memory: a kill loses "
      "it.",
      Change::restart);
  section.example("\"mail.example.net:25\"");
  section.text("server", notify.server, kMailServerRule);
  section.choice("tls", notify.tls,
                 {Tls{"starttls", notify::MailTls::starttls}, Tls{"implicit", notify::MailTls::implicit},
                  Tls{"none", notify::MailTls::none}});
  section.text("ca_file", notify.ca_file, kAnyPathRule);
  section.about("Of its From. Default: sluice@ and server.hostname. The reverse-path is null.", Change::restart);
  section.example("\"relay@example.net\"");
  section.text("from", notify.from, kMailboxRule);
  section.about("The same events as syslog messages (RFC 5424): as log.syslog has it, with the authorities of ca_file.",
                Change::restart);
  section.example("\"/dev/log\"");
  section.text("syslog", notify.syslog, kSyslogRule);
  const bool mails = !notify.operators.empty() || notify.owner;
  if (mails && notify.server.empty() && !section.has("server")) section.error("server", "is missing", kNextHopAllowed);
  if (!mails && !notify.server.empty() && !section.has("operator"))
    section.error("server", "means nothing without operator and owner", "one of these, or no such key");
  if (notify.operators.size() > kOperatorsMax)
    section.error("operator", "has too many elements", absl::StrCat("up to ", kOperatorsMax));
}

void read_webhooks(const std::vector<const ConfigNode*>& tables, ConfigDiagnostics& diagnostics,
                   std::vector<WebhookConfig>& webhooks) {
  if (tables.empty()) {
    WebhookConfig ignored;
    read_webhook(nullptr, "webhook", diagnostics, ignored);
    return;
  }
  for (std::size_t i = 0; i < tables.size(); ++i)
    read_webhook(tables[i], absl::StrCat("webhook[", i + 1, "]"), diagnostics, webhooks.emplace_back());
  if (tables.size() > kWebhooksMax)
    diagnostics.error(tables[kWebhooksMax]->place, "webhook", "is one too many",
                      absl::StrCat("up to ", kWebhooksMax, " webhooks"));
}

}  // namespace sluice::config
