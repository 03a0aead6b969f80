// Checks of what is read from a name server's answer, for any bytes: it is the same each time;
// records are there exactly when it is a good one, and words when it is none; names are folded, and
// those with strange bytes are no host names; everything is within its bounds. The first byte
// chooses the question.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/base/check.h"
#include "engine/io/dns_answer.h"

using sluice::io::DnsRecord;
using sluice::io::DnsReply;
using sluice::io::DnsStatus;
using sluice::io::DnsType;

namespace {

void check_name(const std::string& name) {
  CHECK(!name.empty() && name.size() <= 4 * 255);
  CHECK(sluice::io::fold_dns_name(name) == name);
  for (const char c : name) CHECK(c > ' ' && c < 127);
  if (name.find('\\') != std::string::npos) CHECK(!sluice::io::dns_host_name(name));
}

void check_record(const DnsRecord& record, DnsType type) {
  CHECK(record.ttl_s <= INT32_MAX);
  if (type == DnsType::mx || type == DnsType::ptr) {
    check_name(record.name);
    CHECK(record.address.empty());
  } else if (type == DnsType::txt) {
    CHECK(record.name.empty() && record.address.empty() && record.text.size() <= UINT16_MAX);
  } else {
    CHECK(record.name.empty() && record.address.family() == (type == DnsType::a ? AF_INET : AF_INET6));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static constexpr std::array kTypes{DnsType::a, DnsType::mx, DnsType::aaaa, DnsType::txt, DnsType::ptr};
  const DnsType type = kTypes[data[0] % kTypes.size()];
  const std::span<const std::uint8_t> message(data + 1, size - 1);
  const DnsReply reply = sluice::io::read_dns_answer(message, "a.example", type);
  CHECK((reply.status == DnsStatus::ok) == !reply.records.empty());
  CHECK((reply.status == DnsStatus::failed) == !reply.error.empty());
  CHECK(reply.records.size() <= sluice::io::kDnsRecordsMax);
  for (const DnsRecord& record : reply.records) check_record(record, type);
  if (!reply.canonical.empty()) check_name(reply.canonical);
  CHECK(reply.status == DnsStatus::failed || reply.canonical.empty() == reply.aliases.empty());
  if (!reply.canonical.empty()) CHECK(reply.aliases.back() == reply.canonical);
  if (reply.negative_ttl_s) CHECK(reply.records.empty());
  const DnsReply again = sluice::io::read_dns_answer(message, "A.Example.", type);
  CHECK(again.status == reply.status && again.records.size() == reply.records.size());
  CHECK(again.canonical == reply.canonical && again.error == reply.error);
  return 0;
}
