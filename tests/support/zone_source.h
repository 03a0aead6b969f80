// A DNS for the checks of domains, made of records: what a test wrote, and nothing else.  A value; one thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/sender_dns/dns_source.h"

namespace sluice::testing {

class ZoneSource final : public sender_dns::DnsSource {
 public:
  struct Question {
    std::string name;
    io::DnsType type;
  };

  void add_text(std::string_view name, std::string_view text) { add(name, io::DnsType::txt).text = text; }
  void add_mx(std::string_view name, std::uint16_t preference, std::string_view host) {
    io::DnsRecord& record = add(name, io::DnsType::mx);
    record.preference = preference;
    record.name = host.empty() ? "." : io::fold_dns_name(host);
  }
  void add_name(std::string_view name, std::string_view target) {
    add(name, io::DnsType::ptr).name = io::fold_dns_name(target);
  }
  void add_address(std::string_view name, std::string_view ip) {
    const auto address = *io::Address::from_ip(ip, 0);
    add(name, ip.find(':') == std::string_view::npos ? io::DnsType::a : io::DnsType::aaaa).address = address;
  }
  void add_alias(std::string_view name, std::string_view target) {
    names_[io::fold_dns_name(name)].alias = io::fold_dns_name(target);
  }
  // Every question for the name that no record answers fails.
  void fail(std::string_view name) { names_[io::fold_dns_name(name)].fails = true; }
  void set_authenticated(bool authenticated) { authenticated_ = authenticated; }

  io::DnsReply ask(const std::string& name, io::DnsType type) override {
    asked_.push_back({name, type});
    io::DnsReply reply;
    std::string at = io::fold_dns_name(name);
    for (;;) {
      const auto found = names_.find(at);
      if (found == names_.end()) {
        reply.status = io::DnsStatus::no_such_name;
        break;
      }
      if (!found->second.alias.empty()) {
        if (reply.aliases.size() == io::kDnsAliasesMax) return io::dns_failure("its CNAME records lead on and on");
        reply.aliases.push_back(at = found->second.alias);
        continue;
      }
      const auto records = found->second.records.find(type);
      if (records == found->second.records.end() && found->second.fails)
        return io::dns_failure("the name server failed (SERVFAIL)");
      reply.status = records == found->second.records.end() ? io::DnsStatus::no_data : io::DnsStatus::ok;
      if (records != found->second.records.end()) reply.records = records->second;
      break;
    }
    if (!reply.aliases.empty()) reply.canonical = reply.aliases.back();
    reply.authenticated = authenticated_;
    return reply;
  }
  [[nodiscard]] const std::vector<Question>& asked() const { return asked_; }

 private:
  struct Name {
    std::map<io::DnsType, std::vector<io::DnsRecord>> records;
    std::string alias;
    bool fails = false;
  };
  io::DnsRecord& add(std::string_view name, io::DnsType type) {
    return names_[io::fold_dns_name(name)].records[type].emplace_back();
  }

  std::map<std::string, Name> names_;
  std::vector<Question> asked_;
  bool authenticated_ = false;
};

}  // namespace sluice::testing
