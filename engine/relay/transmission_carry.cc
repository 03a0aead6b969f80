// What a message needs of its next hop, and what is done where that is not offered.  It is asked of the message, and
// not of what the client declared: a program that always says SMTPUTF8 or BODY=8BITMIME sends plain ASCII most of the
// time.
#include <algorithm>
#include <utility>

#include "engine/base/domain_name.h"
#include "engine/dsn/lines.h"
#include "engine/relay/transmission.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"
#include "engine/smtp/path.h"

namespace sluice::relay {
namespace {

constexpr std::string_view kOnlyWholeTells =
    "It is kept until all of it is here: the next server takes 7-bit content only";

bool has_eight_bit(const Chain& bytes) {
  for (std::size_t i = 0; i < bytes.extents(); ++i)
    if (smtp::has_eight_bit(bytes[i].view())) return true;
  return false;
}

}  // namespace

Transmission::Halt Transmission::refusal(const smtp::StandardReply& reply) {
  return {.result = {.kind = Kind::refused,
                     .code = reply.code,
                     .enhanced = reply.enhanced,
                     .text = std::string(reply.text),
                     .ours = true},
          .unusable = false,
          .cannot_carry = true};
}

// As far as it is known before anything is said of the message.
const smtp::StandardReply* Transmission::cannot_carry() const {
  const smtp::Capabilities& offered = hop_->capabilities();
  const message::Envelope& envelope = request_.envelope;
  std::string ascii;
  const auto cannot_be_named = [&](std::uint32_t i) {
    return !path_for_hop(envelope.recipients[i].forward_path, ascii);
  };
  if (!path_for_hop(envelope.reverse_path, ascii)) return &smtp::replies::kHopWithoutSmtputf8;
  // Where recipients are asked for one by one, each has its own result.
  if (late_ && std::ranges::all_of(request_.recipients, cannot_be_named)) return &smtp::replies::kHopWithoutSmtputf8;
  const auto size = content_size();
  if (offered.size_max == 0 || !size || *size <= offered.size_max) return nullptr;
  // Dots that DATA has added do not count.
  if (content_ == Content::whole && !request_.content_bytes) {
    Chain plain;
    ContentForm(form_, /*chunks=*/true).convert(gathered_.share(), plain);
    if (plain.size() <= offered.size_max) return nullptr;
  }
  return &smtp::replies::kHopSizeExceeded;
}

std::optional<std::uint64_t> Transmission::content_size() const {
  if (eight_bit_ == EightBit::converted)
    return content_ == Content::whole ? std::optional<std::uint64_t>(gathered_.size() + fields_.size()) : std::nullopt;
  if (request_.content_bytes) return *request_.content_bytes + fields_.size();
  if (content_ == Content::whole) return gathered_.size() + fields_.size();
  return request_.envelope.size;  // as the client declared it
}

// RFC 6531 3.4: where an address or the header is not ASCII.  Before the header is known, as the client says.
bool Transmission::needs_smtputf8() const {
  const message::Envelope& envelope = request_.envelope;
  if (!envelope.smtputf8) return false;
  const auto is_named_so = [&](std::uint32_t i) { return smtp::has_eight_bit(envelope.recipients[i].forward_path); };
  return content_ == Content::not_begun || envelope.content.header_eight_bit ||
         smtp::has_eight_bit(envelope.reverse_path) || std::ranges::any_of(request_.recipients, is_named_so);
}

// Before all of the content is known, as the client says.
smtp::Body Transmission::body_to_declare() const {
  const message::Envelope& envelope = request_.envelope;
  if (eight_bit_ == EightBit::converted) return smtp::Body::unstated;
  if (!envelope.content.whole) return envelope.body;
  if (envelope.content.eight_bit) return smtp::Body::eight_bit_mime;
  return envelope.body == smtp::Body::eight_bit_mime ? smtp::Body::unstated : envelope.body;
}

// An address whose domain alone is not ASCII has a form that any server takes (RFC 5890: A-labels); nothing: one whose
// local part is not, at a next hop without SMTPUTF8.  A view of `mailbox` or of `ascii`.
std::optional<std::string_view> Transmission::path_for_hop(const std::string& mailbox, std::string& ascii) const {
  if (hop_->capabilities().smtputf8 || !smtp::has_eight_bit(mailbox)) return mailbox;
  smtp::Mailbox parsed;
  if (smtp::parse_mailbox(mailbox, /*utf8_allowed=*/true, parsed) != smtp::PathFault::none ||
      smtp::has_eight_bit(parsed.local_part))
    return std::nullopt;
  const auto domain = ascii_domain(parsed.domain);
  if (!domain) return std::nullopt;
  ascii = std::string(parsed.local_part) + "@" + *domain;
  return ascii;
}

// Recipients that are next and cannot be named there have their result, and are not asked for.
void Transmission::skip_unnameable() {
  std::string ascii;
  while (written_ < room() &&
         !path_for_hop(request_.envelope.recipients[request_.recipients[written_]].forward_path, ascii))
    results_[written_++] = refusal(smtp::replies::kHopWithoutSmtputf8).result;
}

// RFC 6533 3: "utf-8-addr-unitext" is for SMTPUTF8; elsewhere the address is written in ASCII, or not at all where that
// is too long.
std::string Transmission::orcpt_for_hop(const std::string& orcpt) const {
  if (hop_->capabilities().smtputf8 || !smtp::has_eight_bit(orcpt)) return orcpt;
  std::string ascii = smtp::is_clean_utf8(orcpt) ? dsn::detail::embedded_unicode(orcpt) : std::string();
  return ascii.size() <= smtp::kOrcptBytesMax ? ascii : std::string();
}

// Once the header is known, before any content is sent.  RFC 6152 3 forbids 8-bit content to a next hop without
// 8BITMIME; whether a message has any is known when it is whole.
Transmission::Halted Transmission::fit_content() {
  const smtp::Capabilities& offered = hop_->capabilities();
  const message::Envelope& envelope = request_.envelope;
  gather_on_ = false;
  if (envelope.smtputf8 && envelope.content.header_eight_bit && !offered.smtputf8)
    return refusal(smtp::replies::kHopWithoutSmtputf8);
  // A report of ours is sent in a form that any server takes.
  const bool ours = envelope.reverse_path.empty() && request_.who.login.empty();
  const route::RouteEightBit rule = ours ? route::RouteEightBit::convert : pool_.route().eight_bit;
  if (offered.eight_bit_mime || eight_bit_ == EightBit::converted || rule == route::RouteEightBit::pass)
    return std::nullopt;
  if (envelope.content.whole ? envelope.content.eight_bit : has_eight_bit(gathered_)) {
    if (rule == route::RouteEightBit::refuse) return refusal(smtp::replies::kHopWithoutEightBit);
    return convert_content();
  }
  if (content_ == Content::whole || envelope.content.whole) return std::nullopt;
  gather_on_ = gathered_.size() <= gather_max_;
  if (gather_on_) return std::nullopt;
  if (request_.may_be_kept) {
    undecided_ = true;
    return Halt{.result = {.kind = Kind::deferred, .text = std::string(kOnlyWholeTells)}, .unusable = false};
  }
  // There is no place to keep it: more of it is gathered before it goes, and from then on it is converted, whatever
  // comes; or must stay ASCII.
  gather_on_ = gathered_.size() <= pool_.route().retain_bytes_max;
  if (!gather_on_ && rule == route::RouteEightBit::convert) return convert_content();
  if (!gather_on_) eight_bit_ = EightBit::refused;
  gather_max_ = std::max<std::size_t>(gather_max_, pool_.route().retain_bytes_max);
  return std::nullopt;
}

Transmission::Halted Transmission::convert_content() {
  SevenBitForm seven_bit(form_, /*header_too=*/!needs_smtputf8());
  if (content_ == Content::whole) {
    Chain converted = seven_bit.feed(gathered_.share());
    converted.append(seven_bit.finish());
    // What was gathered stays as it was: another host may take it so.
    if (seven_bit.failed()) return refusal(smtp::replies::kHopWithoutEightBit);
    gathered_ = std::move(converted);
  } else {
    seven_bit_.emplace(std::move(seven_bit));
  }
  eight_bit_ = EightBit::converted;
  form_ = message::BodyForm::literal;
  return std::nullopt;
}

// Content that goes out as it comes.
Transmission::Halted Transmission::fit_bytes(Chain& bytes) {
  const bool unfit = eight_bit_ == EightBit::refused && has_eight_bit(bytes);
  if (!unfit && seven_bit_) bytes = seven_bit_->feed(std::move(bytes));
  if (!unfit && !(seven_bit_ && seven_bit_->failed())) return std::nullopt;
  Halt halt = refusal(smtp::replies::kHopWithoutEightBit);
  halt.unusable = true;  // in the middle of the content
  return halt;
}

}  // namespace sluice::relay
