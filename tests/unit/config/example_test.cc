// The example of a configuration: it is fine as it is, and shows every key with its default.
#include "engine/config/example.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "engine/config/config.h"

namespace sluice::config {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr std::string_view kRoute = "[[route]]\nhosts = [\"mx1.farm.example:25\"]\n";

Config load(const std::string& text) {
  auto config = load_config(text, "sluice.toml");
  if (config) return *std::move(config);
  for (const ConfigError& error : config.error()) ADD_FAILURE() << error.to_string();
  return {};
}

TEST(ExampleConfig, IsFineAsItIs) {
  const Config config = load(std::string(kExampleConfig));
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].hosts.size(), 2U);
  EXPECT_EQ(config.listeners.size(), 2U);
}

// The text of the example with every key switched on; the default listeners, which are prose, stay
// as they are.
std::string switched_on(std::string_view example) {
  std::string text(example);
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    if (text[at] == '#' && text[at + 1] != ' ' && text[at + 1] != '\n') text.erase(at, 1);
    if (text.find('\n', at) == std::string::npos) break;
  }
  return text;
}

TEST(ExampleConfig, ShowsEveryKeyThereIs) {
  const std::string text = switched_on(kExampleConfig);
  for (const std::string& key : config_keys()) {
    const std::size_t dot = key.rfind('.');
    const std::string section = key.substr(0, dot);
    if (section == "route.hosts") {
      EXPECT_TRUE(text.contains("{" + key.substr(dot + 1) + " = ") || text.contains(", " + key.substr(dot + 1) + " = "))
          << key;
      continue;
    }
    std::size_t begin = text.find("\n[" + section + "]\n");
    if (begin == std::string::npos) begin = text.find("\n[[" + section + "]]\n");
    ASSERT_NE(begin, std::string::npos) << section;
    const std::string part = text.substr(begin + 1, text.find("\n[", begin + 1) - begin);
    EXPECT_THAT(part, HasSubstr("\n" + key.substr(dot + 1) + " = ")) << key;
  }
  EXPECT_GT(config_keys().size(), 90U);
}

TEST(ExampleConfig, ShowsTheDefaultsAsTheyAre) {
  std::string text = switched_on(kExampleConfig);
  // These have no default to show, but an example.
  for (const std::string_view key : {"hostname", "policy_url", "default_host", "trusted", "trusted_domains", "proxy",
                                     "recipients", "senders", "customers", "from", "servers"}) {
    const std::size_t at = text.find("\n" + std::string(key) + " = ");
    ASSERT_NE(at, std::string::npos) << key;
    text.insert(at + 1, "#");
  }
  const Config shown = load(text);
  const Config defaults = load(std::string(kRoute));
  EXPECT_THAT(changes_that_need_restart(defaults, shown), Contains("listener: 0.0.0.0:25 is gone"));
  EXPECT_EQ(shown.server.drain, defaults.server.drain);
  EXPECT_EQ(shown.server.workers, defaults.server.workers);
  EXPECT_EQ(shown.store.cached_logins, defaults.store.cached_logins);
  EXPECT_EQ(shown.tls.hosts_loaded_max, defaults.tls.hosts_loaded_max);
  const LimitsConfig& a = shown.limits;
  const LimitsConfig& b = defaults.limits;
  EXPECT_EQ(a.message_bytes, b.message_bytes);
  EXPECT_EQ(a.recipients_per_message, b.recipients_per_message);
  EXPECT_EQ(a.recipients_over, b.recipients_over);
  EXPECT_EQ(a.sessions_per_core, b.sessions_per_core);
  EXPECT_EQ(a.sessions_per_address, b.sessions_per_address);
  EXPECT_EQ(a.outgoing_per_core, b.outgoing_per_core);
  EXPECT_EQ(a.header_bytes, b.header_bytes);
  EXPECT_EQ(a.received_fields, b.received_fields);
  EXPECT_EQ(a.bad_commands, b.bad_commands);
  EXPECT_EQ(a.idle_commands, b.idle_commands);
  EXPECT_EQ(a.auth_failures, b.auth_failures);
  EXPECT_EQ(std::tie(a.idle, a.unauthenticated, a.handshake, a.data, a.reply),
            std::tie(b.idle, b.unauthenticated, b.handshake, b.data, b.reply));
  const RouteConfig& c = shown.routes[0];
  const RouteConfig& d = defaults.routes[0];
  EXPECT_EQ(
      std::tie(c.name, c.tls, c.verify, c.chunking, c.connections_per_host, c.messages_per_connection, c.waiting),
      std::tie(d.name, d.tls, d.verify, d.chunking, d.connections_per_host, d.messages_per_connection, d.waiting));
  EXPECT_EQ(std::tie(c.connect, c.idle, c.reply, c.data, c.block, c.final),
            std::tie(d.connect, d.idle, d.reply, d.data, d.block, d.final));
  EXPECT_EQ(
      std::tie(c.mx, c.port, c.ipv6, c.maildir, c.mode, c.dialog, c.identify, c.fallback, c.concurrency, c.rate_per_s),
      std::tie(d.mx, d.port, d.ipv6, d.maildir, d.mode, d.dialog, d.identify, d.fallback, d.concurrency, d.rate_per_s));
}

// The spool and DNS are compared by changes_that_need_restart(), too.
TEST(ExampleConfig, ShowsTheDefaultsOfTheQueueAsTheyAre) {
  std::string text = switched_on(kExampleConfig);
  text.replace(text.find("\nservers = "), 1, "\n#");
  for (const std::string_view list : {"\nrecipients = ", "\nsenders = ", "\ncustomers = "})
    text.replace(text.find(list), 1, "\n#");
  const Config shown = load(text);
  const Config defaults = load(std::string(kRoute));
  const SpoolConfig& a = shown.spool;
  const SpoolConfig& b = defaults.spool;
  EXPECT_EQ(std::tie(a.directory, a.durability, a.segment_bytes, a.free_bytes_min, a.when_full, a.memory_bytes),
            std::tie(b.directory, b.durability, b.segment_bytes, b.free_bytes_min, b.when_full, b.memory_bytes));
  const QueueConfig& c = shown.queue;
  const QueueConfig& d = defaults.queue;
  EXPECT_EQ(std::tie(c.retry, c.jitter_percent, c.expire, c.delay_report, c.running, c.suspend_first, c.suspend_max),
            std::tie(d.retry, d.jitter_percent, d.expire, d.delay_report, d.running, d.suspend_first, d.suspend_max));
  EXPECT_EQ(std::tie(shown.reports.per_customer_hour, shown.dns.timeout, shown.dns.tries),
            std::tie(defaults.reports.per_customer_hour, defaults.dns.timeout, defaults.dns.tries));
}

// What stands behind a number is what load_config() lets pass: the bounds themselves, and nothing beyond.
TEST(ExampleConfig, ShowsTheRangesThatAreChecked) {
  const auto ranges = config_ranges();
  EXPECT_GT(ranges.size(), 40U);
  const auto refusal = [](const std::string& key, std::int64_t value) {
    const std::size_t dot = key.rfind('.');
    const std::string section = key.substr(0, dot);
    const std::string name = key.substr(dot + 1);
    std::string text = section == "listener" ? "[[listener]]\naddress = \"127.0.0.1:25\"\n"
                       : section == "route"  ? std::string(kRoute)
                                             : "[" + section + "]\n";
    text += name + " = " + std::to_string(value) + "\n" + std::string(section == "route" ? "" : kRoute);
    if (section == "route.hosts")
      text = "[[route]]\nhosts = [{host = \"mx.example\", " + name + " = " + std::to_string(value) + "}]\n";
    const auto config = load_config(text, "sluice.toml");
    if (config) return std::string();
    for (const ConfigError& error : config.error())
      if (error.problem.ends_with("is out of range")) return error.allowed;
    return std::string();
  };
  for (const auto& [key, range] : ranges) {
    const std::string allowed = "a whole number from " + std::to_string(range.min) + " to " + std::to_string(range.max);
    EXPECT_EQ(refusal(key, range.min - 1), allowed) << key;
    EXPECT_EQ(refusal(key, range.max + 1), allowed) << key;
    EXPECT_EQ(refusal(key, range.min), "") << key;
    EXPECT_EQ(refusal(key, range.max), "") << key;
  }
}

TEST(ExampleConfig, SaysWhatANumberMayBe) {
  EXPECT_THAT(kExampleConfig, HasSubstr("\n#segment_bytes = 67108864  # 8 MiB to 1 GiB\n"));
  EXPECT_THAT(kExampleConfig, HasSubstr("\n#retry_s = [300, 900, 1800, 3600, 7200, 14400]  # 1 to 86400\n"));
  EXPECT_THAT(kExampleConfig, HasSubstr("by their weight (1 to 1000, else 1)"));
  EXPECT_THAT(kExampleConfig, ::testing::Not(HasSubstr("$("))) << "a figure that was not put in";
}

}  // namespace
}  // namespace sluice::config
