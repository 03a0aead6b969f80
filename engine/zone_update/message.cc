#include "engine/zone_update/message.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/io/dns.h"
#include "engine/smtp/base64.h"

namespace sluice::zone_update {
namespace {

constexpr std::size_t kMessageBytesMax = 65'535;
constexpr std::size_t kChangesBytesMax = 48'000;
constexpr std::size_t kTextStringBytesMax = 255;  // of one character-string
constexpr std::uint16_t kFudgeS = 300;            // RFC 8945 10
// Of a TSIG record's data.
constexpr std::size_t kTsigMac = 3;
constexpr std::size_t kTsigError = 5;
constexpr std::size_t kTsigParts = 7;

struct FreePacket {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
struct FreeRdata {
  void operator()(ldns_rdf* rdata) const { ldns_rdf_deep_free(rdata); }
};
struct FreeRecord {
  void operator()(ldns_rr* record) const { ldns_rr_free(record); }
};
struct FreeRecords {
  void operator()(ldns_rr_list* records) const { ldns_rr_list_deep_free(records); }
};
struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
using Packet = std::unique_ptr<ldns_pkt, FreePacket>;
using Rdata = std::unique_ptr<ldns_rdf, FreeRdata>;
using Record = std::unique_ptr<ldns_rr, FreeRecord>;
using Records = std::unique_ptr<ldns_rr_list, FreeRecords>;

// As a string of C's, while it is needed.
class Revealed {
 public:
  explicit Revealed(const auth::Secret& secret) : text_(secret.reveal()) {}
  ~Revealed() { smtp::wipe(text_); }
  Revealed(const Revealed&) = delete;
  Revealed& operator=(const Revealed&) = delete;
  [[nodiscard]] const char* text() const { return text_.c_str(); }

 private:
  std::string text_;
};

const std::uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

std::string data_of(const ldns_rdf* rdata) {
  return {reinterpret_cast<const char*>(ldns_rdf_data(rdata)), ldns_rdf_size(rdata)};
}

std::string mac_of(const ldns_pkt* packet) { return data_of(ldns_rr_rdf(ldns_pkt_tsig(packet), kTsigMac)); }

// ------------------------------------------------------------------------------------------ what is sent

// Null: the name is none.
Record text_record(const std::string& name, ldns_rr_class of) {
  ldns_rdf* const owner = ldns_dname_new_frm_str(name.c_str());
  if (owner == nullptr) return nullptr;
  Record record(ldns_rr_new());
  CHECK(record != nullptr);
  ldns_rr_set_owner(record.get(), owner);
  ldns_rr_set_type(record.get(), LDNS_RR_TYPE_TXT);
  ldns_rr_set_class(record.get(), of);
  ldns_rr_set_ttl(record.get(), 0);
  return record;
}

void add_text(ldns_rr* record, std::string_view text) {
  do {
    const std::string_view piece = text.substr(0, kTextStringBytesMax);
    text.remove_prefix(piece.size());
    std::string data(1, static_cast<char>(piece.size()));
    data += piece;
    CHECK(ldns_rr_push_rdf(record, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, data.size(), data.data())));
  } while (!text.empty());
}

std::expected<Question, std::string> finish(ldns_pkt* packet, const TsigKey& key, std::uint16_t id) {
  ldns_pkt_set_id(packet, id);
  const Revealed secret(key.secret);
  const ldns_status is_signed =
      ldns_pkt_tsig_sign(packet, key.name.c_str(), secret.text(), kFudgeS, key.algorithm.c_str(), nullptr);
  if (is_signed != LDNS_STATUS_OK || ldns_pkt_tsig(packet) == nullptr)
    return std::unexpected(std::string("cannot be signed: ") + ldns_get_errorstr_by_id(is_signed));
  std::uint8_t* made = nullptr;
  std::size_t size = 0;
  const ldns_status written = ldns_pkt2wire(&made, packet, &size);
  const std::unique_ptr<std::uint8_t, FreeMemory> wire(made);
  if (written != LDNS_STATUS_OK || size > kMessageBytesMax)
    return std::unexpected("a message to the name server would be too long");
  return Question{
      .wire = std::string(reinterpret_cast<const char*>(wire.get()), size), .mac = mac_of(packet), .id = id};
}

// ------------------------------------------------------------------------------------------ what is answered

enum class Doing : std::uint8_t { update, transfer };

// RFC 8945 3.
std::string tsig_words(std::uint16_t error, const TsigKey& key) {
  constexpr std::uint16_t kBadSig = 16;
  constexpr std::uint16_t kBadKey = 17;
  constexpr std::uint16_t kBadTime = 18;
  switch (error) {
    case kBadSig:
      return "NOTAUTH, BADSIG: the name server has another secret for the key " + key.name;
    case kBadKey:
      return "NOTAUTH, BADKEY: the name server does not know the key " + key.name + " for " + key.algorithm;
    case kBadTime:
      return "NOTAUTH, BADTIME: the clocks of the name server and of this machine are more than five minutes apart";
    default:
      return "NOTAUTH, TSIG error " + std::to_string(error);
  }
}

std::string code_words(ldns_pkt_rcode code, const TsigKey& key, Doing doing) {
  switch (code) {
    case LDNS_RCODE_NOTAUTH:
      return "NOTAUTH: the name server is no primary of the zone, or the key " + key.name + " is not good there";
    case LDNS_RCODE_NOTZONE:
      return "NOTZONE: for the name server the names are in another zone: dkim.zone has to be one that it serves";
    case LDNS_RCODE_REFUSED:
      return doing == Doing::update
                 ? "REFUSED: the name server does not let the key " + key.name +
                       " change the zone; let it (BIND: update-policy or allow-update; Knot: action update)"
                 : "REFUSED: the name server does not let the key " + key.name +
                       " read the zone; let it (BIND: allow-transfer; Knot: action transfer)";
    case LDNS_RCODE_NOTIMPL:
      return "NOTIMP: the name server takes no updates, as nsd; use one that does, or dkim.zone_file";
    case LDNS_RCODE_SERVFAIL:
      return "SERVFAIL: the name server has failed; its log says why";
    case LDNS_RCODE_FORMERR:
      return "FORMERR: the name server does not understand the message";
    case LDNS_RCODE_NOERROR:
    case LDNS_RCODE_NXDOMAIN:
    case LDNS_RCODE_YXDOMAIN:
    case LDNS_RCODE_YXRRSET:
    case LDNS_RCODE_NXRRSET:
      break;
  }
  return "the name server says code " + std::to_string(static_cast<unsigned>(code));
}

Packet parse(std::string_view wire) {
  ldns_pkt* packet = nullptr;
  if (ldns_wire2pkt(&packet, bytes_of(wire), wire.size()) != LDNS_STATUS_OK) return nullptr;
  return Packet(packet);
}

std::string name_text(const ldns_rdf* name) {
  const std::unique_ptr<char, FreeMemory> text(ldns_rdf2str(name));
  CHECK(text != nullptr);
  return io::fold_dns_name(text.get());
}

// By its name and algorithm.  One of another algorithm ldns does not check, and loses memory over it.
bool is_of_key(const ldns_rr* tsig, const TsigKey& key) {
  return name_text(ldns_rr_owner(tsig)) == key.name && name_text(ldns_rr_rdf(tsig, 0)) == key.algorithm;
}

// What says that nothing was done counts without a signature, as it changes nothing here either.
std::expected<Packet, std::string> read_answer(std::string_view wire, const std::string& mac, std::uint16_t id,
                                               const TsigKey& key, Doing doing, bool timers_only) {
  Packet packet = parse(wire);
  if (packet == nullptr || !ldns_pkt_qr(packet.get())) return std::unexpected("the name server answers with no answer");
  if (ldns_pkt_id(packet.get()) != id) return std::unexpected("the name server answers another question");
  const ldns_rr* const tsig = ldns_pkt_tsig(packet.get());
  const bool has_tsig = tsig != nullptr && ldns_rr_rd_count(tsig) == kTsigParts;
  const std::uint16_t error = has_tsig ? ldns_rdf2native_int16(ldns_rr_rdf(tsig, kTsigError)) : 0;
  if (error != 0) return std::unexpected(tsig_words(error, key));
  const ldns_pkt_rcode code = ldns_pkt_get_rcode(packet.get());
  if (code != LDNS_RCODE_NOERROR) return std::unexpected(code_words(code, key, doing));
  if (!has_tsig) return std::unexpected("the name server's answer is not signed");
  const Rdata before(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA, mac.size(), mac.data()));
  const Revealed secret(key.secret);
  if (!is_of_key(tsig, key) || !ldns_pkt_tsig_verify_next(packet.get(), bytes_of(wire), wire.size(), key.name.c_str(),
                                                          secret.text(), before.get(), timers_only ? 1 : 0))
    return std::unexpected("the name server's answer is signed with another key than " + key.name);
  return packet;
}

std::string text_of(const ldns_rr* record) {
  std::string text;
  for (std::size_t part = 0; part < ldns_rr_rd_count(record); ++part)
    text += data_of(ldns_rr_rdf(record, part)).substr(1);
  return text;
}

}  // namespace

std::size_t changes_that_fit(std::span<const TextChange> changes) {
  constexpr std::size_t kRecordBytes = 12;  // but for name and data
  std::size_t bytes = 0;
  std::size_t count = 0;
  while (count < std::min(changes.size(), kChangesMax)) {
    const TextChange& change = changes[count];
    bytes +=
        2 * (change.name.size() + 2 + kRecordBytes) + change.text.size() + change.text.size() / kTextStringBytesMax;
    if (count > 0 && bytes > kChangesBytesMax) break;
    ++count;
  }
  return count;
}

std::expected<Question, std::string> make_update(const std::string& zone, std::span<const TextChange> changes,
                                                 std::uint32_t ttl_s, const TsigKey& key, std::uint16_t id) {
  const Records records(ldns_rr_list_new());
  CHECK(records != nullptr);
  for (const TextChange& change : changes) {
    // RFC 2136 2.5.2: class ANY without data, all records of that type go.
    Record gone = text_record(change.name, LDNS_RR_CLASS_ANY);
    if (gone == nullptr) return std::unexpected(change.name + " is no name");
    CHECK(ldns_rr_list_push_rr(records.get(), gone.release()));
    if (change.text.empty()) continue;
    Record added = text_record(change.name, LDNS_RR_CLASS_IN);
    ldns_rr_set_ttl(added.get(), ttl_s);
    add_text(added.get(), change.text);
    CHECK(ldns_rr_list_push_rr(records.get(), added.release()));
  }
  ldns_rdf* const of = ldns_dname_new_frm_str(zone.c_str());
  if (of == nullptr) return std::unexpected(zone + " is no name");
  const Packet packet(ldns_update_pkt_new(of, LDNS_RR_CLASS_IN, nullptr, records.get(), nullptr));
  CHECK(packet != nullptr);
  return finish(packet.get(), key, id);
}

std::expected<Question, std::string> make_transfer(const std::string& zone, const TsigKey& key, std::uint16_t id) {
  ldns_rdf* const of = ldns_dname_new_frm_str(zone.c_str());
  if (of == nullptr) return std::unexpected(zone + " is no name");
  const Packet packet(ldns_pkt_query_new(of, LDNS_RR_TYPE_AXFR, LDNS_RR_CLASS_IN, 0));
  CHECK(packet != nullptr);
  return finish(packet.get(), key, id);
}

std::expected<void, std::string> check_update_answer(std::string_view wire, const Question& question,
                                                     const TsigKey& key) {
  const auto answer = read_answer(wire, question.mac, question.id, key, Doing::update, false);
  if (!answer) return std::unexpected(answer.error());
  return {};
}

// RFC 5936 2.2: the zone's SOA record, all others, and the SOA record again.
std::expected<bool, std::string> TransferReader::take(std::string_view wire) {
  const auto answer = read_answer(wire, mac_, id_, key_, Doing::transfer, !first_);
  if (!answer) return std::unexpected(answer.error());
  mac_ = mac_of(answer->get());
  const ldns_rr_list* const records = ldns_pkt_answer(answer->get());
  const std::size_t count = ldns_rr_list_rr_count(records);
  if (count == 0) return std::unexpected("the name server transfers no records");
  for (std::size_t at = 0; at < count; ++at) {
    const ldns_rr* const record = ldns_rr_list_rr(records, at);
    const bool is_soa = ldns_rr_get_type(record) == LDNS_RR_TYPE_SOA;
    if (std::exchange(first_, false)) {
      if (!is_soa) return std::unexpected("the name server's transfer does not begin with a SOA record");
      continue;
    }
    if (is_soa) return true;
    if (ldns_rr_get_type(record) != LDNS_RR_TYPE_TXT) continue;
    on_text_({.name = name_text(ldns_rr_owner(record)), .text = text_of(record), .ttl_s = ldns_rr_ttl(record)});
  }
  return false;
}

}  // namespace sluice::zone_update
