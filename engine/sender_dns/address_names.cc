#include "engine/sender_dns/address_names.h"

#include <algorithm>
#include <cstddef>

#include "engine/io/address.h"
#include "engine/sender_dns/spf_macro.h"

namespace sluice::sender_dns {
namespace {

constexpr std::size_t kNamesAsked = 10;  // of an address that has more, as in SPF

Answer is_confirmed(const IpBytes& address, DnsSource& dns) {
  const io::DnsReply names = dns.ask(reverse_name(address), io::DnsType::ptr);
  bool failed = names.status == io::DnsStatus::failed;
  const io::DnsType forward = address.size == 4 ? io::DnsType::a : io::DnsType::aaaa;
  for (std::size_t at = 0; at < names.records.size() && at < kNamesAsked; ++at) {
    const io::DnsReply back = dns.ask(names.records[at].name, forward);
    failed = failed || back.status == io::DnsStatus::failed;
    const auto same = [&address](const io::DnsRecord& each) {
      return std::ranges::equal(each.address.ip_bytes(), address.span());
    };
    if (std::ranges::any_of(back.records, same)) return Answer::yes;
  }
  return failed ? Answer::unknown : Answer::no;
}

}  // namespace

AddressNames check_address_names(std::span<const IpBytes> addresses, DnsSource& dns) {
  AddressNames names{.all = addresses.empty() ? Answer::unknown : Answer::yes};
  for (const IpBytes& address : addresses) {
    const Answer confirmed = is_confirmed(address, dns);
    if (confirmed == Answer::yes) continue;
    names.all = confirmed;
    if (confirmed == Answer::unknown) continue;
    names.without = io::Address::from_bytes(address.span(), 0).ip();
    break;
  }
  return names;
}

}  // namespace sluice::sender_dns
