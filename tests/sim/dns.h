// The name service of a simulated world: what a test has put there, answered a while after the query
// for. Owned by its SimWorld; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "engine/io/dns.h"
#include "tests/sim/context.h"

namespace sluice::sim {

class SimDns final : public io::Dns {
 public:
  static constexpr std::uint32_t kTtl = 300;  // seconds, where nothing else is said
  static constexpr std::uint32_t kNegativeTtl = 60;
  static constexpr Duration kTimeOut = std::chrono::seconds(10);  // until a query without an answer fails

  explicit SimDns(SimContext& context) : context_(context) {}

  // Adds a record to those of its name and type.
  void add_mx(std::string_view name, std::uint16_t preference, std::string_view mx_host, std::uint32_t ttl_s = kTtl);
  void add_address(std::string_view name, std::string_view ip, std::uint32_t ttl_s = kTtl);
  void add_text(std::string_view name, std::string_view text, std::uint32_t ttl_s = kTtl);
  // From now on the name is another's (CNAME), whatever else it has.
  void add_alias(std::string_view name, std::string_view target, std::uint32_t ttl_s = kTtl);
  // The name is there, without records.
  void add_name(std::string_view name) { names_[io::fold_dns_name(name)]; }
  // Nothing is known of it any more.
  void remove(std::string_view name) { names_.erase(io::fold_dns_name(name)); }

  // From now on this is what is said, until the name is removed: a name server that lies or fails.
  void say(std::string_view name, io::DnsType type, io::DnsReply reply);
  // No server answers any more: each query fails after kTimeOut.
  void set_away(bool away) { away_ = away; }

  // How often was asked for this name and type?  Of any name and type:
  // SimFaults::calls(SimCall::query).
  [[nodiscard]] std::size_t asked(std::string_view name, io::DnsType type) const;

  void query(const std::string& name, io::DnsType type, CustomerShare share,
             std::function<void(io::DnsReply)> on_reply) override;

 private:
  struct Name {
    std::string alias;
    std::uint32_t alias_ttl_s = 0;
    std::map<io::DnsType, io::DnsReply> replies;
  };
  io::DnsReply find(std::string name, io::DnsType type) const;
  io::DnsReply& records(std::string_view name, io::DnsType type);

  SimContext& context_;
  std::map<std::string, Name> names_;  // by fold_dns_name()
  std::map<std::pair<std::string, io::DnsType>, std::size_t> asked_;
  bool away_ = false;
};

}  // namespace sluice::sim
