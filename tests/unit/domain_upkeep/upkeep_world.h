// A store, a clock that is set, and name servers that say what a test has put there: for the tests of this room.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/store/account_admin.h"
#include "auth/store/domain_state_admin.h"
#include "auth/store/signing_key_admin.h"
#include "engine/domain_keys/dns_records.h"
#include "engine/domain_upkeep/kept_zone.h"
#include "engine/domain_upkeep/upkeep.h"
#include "engine/io/real_platform.h"

namespace sluice::domain_upkeep {

inline constexpr WallMillis kMinuteMs = 60'000;
inline constexpr WallMillis kHourMs = 60 * kMinuteMs;
inline constexpr WallMillis kDayMs = 24 * kHourMs;
inline constexpr WallMillis kFirstMoment = 1'767'225'600'000;  // 2026-01-01
inline constexpr std::string_view kDomain = "example.com";
inline constexpr std::string_view kProofLabel = "_proof";

class HandSetClock final : public io::Clock {
 public:
  Instant now() override { return {}; }
  WallMillis wall() override { return at; }
  WallMillis at = kFirstMoment;
};

struct NameServers {
  std::map<std::string, std::string> texts;
  std::set<std::string> silent;  // names for which there is no answer
  bool all_silent = false;
};

class NameServersSource final : public sender_dns::DnsSource {
 public:
  explicit NameServersSource(const NameServers& servers) : servers_(servers) {}
  io::DnsReply ask(const std::string& name, io::DnsType type) override {
    if (servers_.all_silent || servers_.silent.contains(name)) return io::dns_failure("SERVFAIL");
    io::DnsReply reply{.status = io::DnsStatus::no_such_name};
    if (const auto text = servers_.texts.find(name); type == io::DnsType::txt && text != servers_.texts.end())
      reply = {.status = io::DnsStatus::ok, .records = {{.text = text->second}}};
    if (type == io::DnsType::mx && name == kDomain)
      reply = {.status = io::DnsStatus::ok, .records = {{.preference = 10, .name = "mx.example.net"}}};
    if (type == io::DnsType::a && name == "mx.example.net")
      reply = {.status = io::DnsStatus::ok, .records = {{.address = *io::Address::from_ip("192.0.2.1", 0)}}};
    return reply;
  }

 private:
  const NameServers& servers_;
};

// With the customer Acme, and records of kDomain that are right but for those of its keys and its proof.
class UpkeepWorld {
 public:
  explicit UpkeepWorld(const UpkeepRules& rules) {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-upkeep-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    accounts_ = *auth::AccountAdmin::open(store(), auth::IfMissing::create, auth::kLeastHashCost);
    EXPECT_TRUE(accounts_->add_customer("Acme", clock.at));
    names.texts["example.com"] = "v=spf1 include:spf.isp.example ~all";
    names.texts["spf.isp.example"] = "v=spf1 ip4:192.0.2.0/24 ~all";
    names.texts["_dmarc.example.com"] = "v=DMARC1; p=none";
    start(rules);
  }
  ~UpkeepWorld() { std::filesystem::remove_all(directory_); }

  // As a relay that is started anew.
  void start(const UpkeepRules& rules) {
    upkeep =
        std::make_unique<Upkeep>(Upkeep::Parts{.store = store(),
                                               .wrapper = wrapper_,
                                               .clock = clock,
                                               .dns = [this] { return std::make_unique<NameServersSource>(names); },
                                               .random = [] { return io::make_real_random(); },
                                               .tell = [this](const News& each) { news.push_back(each); }},
                                 rules);
  }
  [[nodiscard]] auth::StoreAddress store() const { return {directory_ + "/accounts.db"}; }
  [[nodiscard]] ZoneRules zone_rules() const {
    return {.path = directory_ + "/zone",
            .sending = {},
            .records = {.selector_prefix = "sl", .zone = "dkim.isp.example", .spf_include = {}, .ttl_s = 3600},
            .name_servers = {"ns.isp.example"}};
  }
  [[nodiscard]] std::string zone_text() const {
    std::ifstream file(zone_rules().path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void add_domain() { EXPECT_TRUE(accounts_->add_domain(kDomain, "Acme", clock.at)); }
  void remove_domain() { EXPECT_TRUE(accounts_->remove_domain(kDomain)); }
  // The name of its proof's record, and what that says.
  std::pair<std::string, std::string> claim() {
    const auto claim = states()->add_claim(kDomain, "Acme", clock.at);
    EXPECT_TRUE(claim) << claim.error().what;
    return {std::string(kProofLabel) + "." + std::string(kDomain), "token=" + claim->token};
  }
  [[nodiscard]] std::unique_ptr<auth::DomainStateAdmin> states() const {
    return *auth::DomainStateAdmin::open(store());
  }
  [[nodiscard]] auth::DomainState state() const { return states()->state(kDomain).value(); }
  [[nodiscard]] std::vector<auth::SigningKeyRecord> keys() const {
    return (*auth::SigningKeyAdmin::open(store()))->keys_of(kDomain).value();
  }
  // The records of all keys, as name servers are to have them.
  void publish_keys() {
    for (const auth::SigningKeyRecord& key : keys())
      names.texts[domain_keys::key_name(kDomain, key.selector)] = domain_keys::key_record(key);
  }
  [[nodiscard]] std::vector<std::string> key_states() const {
    std::vector<std::string> all;
    for (const auth::SigningKeyRecord& key : keys())
      all.push_back(key.selector + " " + std::string(auth::key_state_name(key.state)));
    return all;
  }
  // What was reported since it was last asked.
  std::vector<News::Kind> reported() {
    std::vector<News::Kind> kinds;
    for (const News& each : std::exchange(news, {})) kinds.push_back(each.kind);
    return kinds;
  }
  // Lets time pass, and has the relay do one thing.
  Upkeep::Done run_after(WallMillis span) {
    clock.at += span;
    return upkeep->run_one();
  }

  HandSetClock clock;
  NameServers names;
  std::vector<News> news;
  std::unique_ptr<Upkeep> upkeep;

 private:
  std::string directory_;
  std::unique_ptr<auth::AccountAdmin> accounts_;
  const domain_keys::KeyWrapper wrapper_;
};

[[nodiscard]] inline UpkeepRules upkeep_rules() {
  return {.check_every = std::chrono::days(1),
          .life = {.selector_prefix = "sl", .record_ttl = kHourMs, .retire_after = 2 * kDayMs, .looked_for = true},
          .proof_label = std::string(kProofLabel),
          .helo = "mx.isp.example"};
}

}  // namespace sluice::domain_upkeep
