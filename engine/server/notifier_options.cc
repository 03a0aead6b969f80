#include "engine/server/notifier_options.h"

#include <utility>

#include "engine/config/rules.h"
#include "engine/io/files.h"
#include "engine/notify/cause.h"
#include "engine/notify/transfer.h"
#include "engine/smtp/base64.h"

namespace sluice::server {
namespace {

constexpr std::size_t kSecretFileBytesMax = 1024;

notify::Causes causes_of(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  notify::Causes causes = notify::Causes::none();
  for (const std::string& name : names)
    if (const auto cause = notify::find_cause(name)) causes.add(*cause);
  return causes;
}

// "mail.example.net:25", "[2001:db8::1]:25".
std::string server_text(const std::string& server) {
  const auto host = config::parse_next_hop(server);
  if (!host) return server;
  const bool ipv6 = host->name.contains(':');
  return (ipv6 ? "[" + host->name + "]" : host->name) + ":" + std::to_string(host->port);
}

std::expected<notify::WebhookOptions, std::string> webhook_of(const config::WebhookConfig& webhook,
                                                              std::size_t number) {
  std::string name = "webhook[" + std::to_string(number) + "] " + notify::url_origin(webhook.url);
  const auto path = io::secret_path(webhook.secret_file);
  auto text = path ? io::read_file(*path, kSecretFileBytesMax) : path;
  if (!text) return std::unexpected("webhook[" + std::to_string(number) + "].secret_file: " + text.error());
  auto secret = notify::WebhookSecret::make(*text);
  smtp::wipe(*text);
  if (!secret)
    return std::unexpected("webhook[" + std::to_string(number) + "].secret_file: " + webhook.secret_file + ": " +
                           secret.error());
  return notify::WebhookOptions{.name = std::move(name),
                                .url = webhook.url,
                                .ca_file = webhook.ca_file,
                                .secret = std::make_shared<const notify::WebhookSecret>(*std::move(secret)),
                                .causes = causes_of(webhook.events),
                                .timeout = webhook.timeout,
                                .queue = webhook.queue};
}

}  // namespace

std::expected<std::shared_ptr<const notify::NotifierOptions>, std::string> notifier_options(
    const config::Config& config) {
  auto options = std::make_shared<notify::NotifierOptions>();
  options->host = config.server.hostname;
  for (const config::WebhookConfig& webhook : config.webhooks) {
    auto made = webhook_of(webhook, options->webhooks.size() + 1);
    if (!made) return std::unexpected(std::move(made.error()));
    options->webhooks.push_back(*std::move(made));
  }
  const config::NotifyConfig& notify = config.notify;
  options->syslog = {.place = notify.syslog, .ca_file = notify.ca_file};
  if (!notify.server.empty())
    options->mail = notify::MailOptions{.server = server_text(notify.server),
                                        .tls = notify.tls,
                                        .ca_file = notify.ca_file,
                                        .from = notify.from.empty() ? "sluice@" + options->host : notify.from,
                                        .operators = notify.operators,
                                        .owner = notify.owner,
                                        .causes = causes_of(notify.events),
                                        .host = options->host};
  return options;
}

}  // namespace sluice::server
