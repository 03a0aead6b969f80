#include "engine/io/dns_answer.h"

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::io {
namespace {

constexpr std::uint16_t kClassInternet = 1;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypeSoa = 6;
constexpr std::size_t kWireNameBytesMax = 255;

// Takes a message apart from front to back.  Once something is not there, nothing more is: whole()
// is false.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> message) : message_(message) {}
  [[nodiscard]] bool whole() const { return whole_; }
  [[nodiscard]] std::size_t at() const { return at_; }

  std::uint8_t u8() { return has(1) ? message_[at_++] : std::uint8_t{0}; }
  std::uint16_t u16() {
    const auto high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::span<const std::uint8_t> bytes(std::size_t size) {
    if (!has(size)) return {};
    at_ += size;
    return message_.subspan(at_ - size, size);
  }
  void require(bool condition) { whole_ = whole_ && condition; }
  std::string name();

 private:
  bool has(std::size_t size) {
    require(message_.size() - at_ >= size);
    return whole_;
  }
  static void append(std::string& text, std::uint8_t byte);

  std::span<const std::uint8_t> message_;
  std::size_t at_ = 0;
  bool whole_ = true;
};

// As fold_dns_name() gives it.  Bytes that no host name has are written as \DDD (RFC 1035 5.1), so
// that a dot inside a label does not become one between two.
void Reader::append(std::string& text, std::uint8_t byte) {
  const char c = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : static_cast<char>(byte);
  if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
    text += c;
    return;
  }
  text += '\\';
  for (const int unit : {100, 10, 1}) text += static_cast<char>('0' + byte / unit % 10);
}

// RFC 1035 4.1.4.  Every pointer must lead further to the front than all before it, so they end.
std::string Reader::name() {
  std::string text;
  std::size_t wire_bytes = 1;
  std::size_t front = at_;  // where the part that is being read began
  std::size_t after = 0;    // where the record goes on, once a pointer was followed
  for (;;) {
    const std::uint8_t size = u8();
    if (!whole_ || size == 0) break;
    if ((size & 0xC0U) == 0xC0U) {
      const std::size_t target = (size & 0x3FU) << 8 | u8();
      if (after == 0) after = at_;
      require(target < front);
      if (!whole_) break;
      front = at_ = target;
      continue;
    }
    wire_bytes += size + 1U;
    require(size < 0x40U && wire_bytes <= kWireNameBytesMax);
    if (!text.empty()) text += '.';
    for (const std::uint8_t byte : bytes(size)) append(text, byte);
  }
  if (after != 0) at_ = after;
  return text.empty() ? "." : text;
}

struct Header {
  std::uint16_t flags = 0;
  std::uint16_t questions = 0, answers = 0, authorities = 0;
};

struct Record {
  std::string owner;
  std::uint16_t type = 0;
  std::uint16_t record_class = 0;
  std::uint32_t ttl_s = 0;
  std::size_t end = 0;  // of its data, at whose beginning the reader stands
  [[nodiscard]] bool is(std::uint16_t wanted) const { return type == wanted && record_class == kClassInternet; }
};

struct Alias {
  std::string owner, target;
  std::uint32_t ttl_s = 0;
};

class Answer {
 public:
  Answer(std::span<const std::uint8_t> message, std::string_view name, DnsType type)
      : message_(message), name_(fold_dns_name(name)), type_(type) {}
  DnsReply read();

 private:
  Header read_header(Reader& reader) const;
  static Record read_record(Reader& reader);
  template <typename Each>
  bool for_each(Reader& reader, unsigned count, Each each);
  bool follow_aliases(Reader reader, unsigned count);
  void take(Reader& reader, const Record& record);
  void take_negative(Reader& reader, const Record& record);

  std::span<const std::uint8_t> message_;
  std::string name_;  // the question's, then the one that its aliases lead to
  DnsType type_;
  DnsReply reply_;
};

Header Answer::read_header(Reader& reader) const {
  Header header;
  reader.u16();  // id: the receiver of the message has compared it
  header.flags = reader.u16();
  header.questions = reader.u16();
  header.answers = reader.u16();
  header.authorities = reader.u16();
  reader.u16();
  for (unsigned i = 0; i < header.questions && reader.whole(); ++i) {
    reader.name();
    reader.u32();
  }
  return header;
}

Record Answer::read_record(Reader& reader) {
  Record record;
  record.owner = reader.name();
  record.type = reader.u16();
  record.record_class = reader.u16();
  record.ttl_s = reader.u32();
  if (record.ttl_s > INT32_MAX) record.ttl_s = 0;  // RFC 2181 section 8
  const std::uint16_t size = reader.u16();
  record.end = reader.at() + size;
  Reader data = reader;
  data.bytes(size);
  reader.require(data.whole());
  return record;
}

// False when the message is malformed there.
template <typename Each>
bool Answer::for_each(Reader& reader, unsigned count, Each each) {
  for (unsigned i = 0; i < count; ++i) {
    const Record record = read_record(reader);
    if (!reader.whole()) return false;
    Reader data = reader;
    each(data, record);
    if (!data.whole() || data.at() > record.end) return false;
    reader.bytes(record.end - reader.at());
  }
  return true;
}

// RFC 1034 3.6.2.  False, with the error set, where they do not end.
bool Answer::follow_aliases(Reader reader, unsigned count) {
  std::vector<Alias> aliases;
  const bool good = for_each(reader, count, [&aliases](Reader& data, const Record& record) {
    if (!record.is(kTypeCname) || aliases.size() > kDnsAliasesMax) return;
    Alias alias{.owner = record.owner, .target = data.name(), .ttl_s = record.ttl_s};
    data.require(data.at() == record.end);
    aliases.push_back(std::move(alias));
  });
  if (!good) {
    reply_ = dns_failure("the name server's answer is malformed");
    return false;
  }
  for (unsigned followed = 0;; ++followed) {
    const auto next = std::ranges::find(aliases, name_, &Alias::owner);
    if (next == aliases.end()) return true;
    if (followed == kDnsAliasesMax) {
      reply_ = dns_failure("its CNAME records lead on and on");
      return false;
    }
    name_ = reply_.canonical = next->target;
    reply_.aliases.push_back(name_);
    reply_.canonical_ttl_s = std::min(reply_.canonical_ttl_s, next->ttl_s);
  }
}

void Answer::take(Reader& reader, const Record& record) {
  if (!record.is(static_cast<std::uint16_t>(type_)) || record.owner != name_) return;
  DnsRecord found{.ttl_s = std::min(record.ttl_s, reply_.canonical_ttl_s)};
  if (type_ == DnsType::mx) {
    found.preference = reader.u16();
    found.name = reader.name();
  } else if (type_ == DnsType::ptr) {
    found.name = reader.name();
  } else if (type_ == DnsType::txt) {
    while (reader.whole() && reader.at() < record.end) {
      for (const std::uint8_t byte : reader.bytes(reader.u8())) found.text += static_cast<char>(byte);
    }
  } else {
    found.address = Address::from_bytes(reader.bytes(type_ == DnsType::a ? 4 : 16), 0);
  }
  reader.require(reader.at() == record.end);
  if (reader.whole() && reply_.records.size() < kDnsRecordsMax) reply_.records.push_back(std::move(found));
}

// RFC 2308 section 5: "the minimum of the SOA.MINIMUM field and SOA's TTL".
void Answer::take_negative(Reader& reader, const Record& record) {
  if (!record.is(kTypeSoa)) return;
  reader.name();
  reader.name();
  reader.bytes(16);  // serial, refresh, retry, expire
  const std::uint32_t minimum = reader.u32();
  reader.require(reader.at() == record.end);
  reply_.negative_ttl_s = std::min(record.ttl_s, minimum);
}

std::string words_for(unsigned rcode) {
  switch (rcode) {
    case 1:
      return "the name server does not understand the question (FORMERR)";
    case 2:
      return "the name server failed (SERVFAIL)";
    case 4:
      return "the name server does not know how (NOTIMP)";
    case 5:
      return "the name server refused to answer (REFUSED)";
    default:
      return "the name server answered with code " + std::to_string(rcode);
  }
}

DnsReply Answer::read() {
  const auto malformed = [] { return dns_failure("the name server's answer is malformed"); };
  Reader reader(message_);
  const Header header = read_header(reader);
  constexpr std::uint16_t kResponse = 0x8000, kOpcode = 0x7800, kCutOff = 0x0200, kAuthentic = 0x0020, kRcode = 0x000F;
  if (!reader.whole() || (header.flags & kResponse) == 0 || (header.flags & kOpcode) != 0) return malformed();
  const unsigned rcode = header.flags & kRcode;
  if (rcode != 0 && rcode != 3) return dns_failure(words_for(rcode));
  if ((header.flags & kCutOff) != 0) return dns_failure("the name server's answer is cut off");
  reply_.authenticated = (header.flags & kAuthentic) != 0;
  if (!follow_aliases(reader, header.answers)) return reply_;
  if (!for_each(reader, header.answers, [this](Reader& data, const Record& record) { take(data, record); }))
    return malformed();
  if (!reply_.records.empty() && rcode == 0) {
    reply_.status = DnsStatus::ok;
    return std::move(reply_);
  }
  reply_.records.clear();
  const auto negative = [this](Reader& data, const Record& record) { take_negative(data, record); };
  if (!for_each(reader, header.authorities, negative)) return malformed();
  reply_.status = rcode == 3 ? DnsStatus::no_such_name : DnsStatus::no_data;
  return std::move(reply_);
}

}  // namespace

DnsReply read_dns_answer(std::span<const std::uint8_t> message, std::string_view name, DnsType type) {
  return Answer(message, name, type).read();
}

}  // namespace sluice::io
