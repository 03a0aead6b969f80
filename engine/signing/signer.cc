#include "engine/signing/signer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/domain_name.h"
#include "engine/dkim/signature_field.h"
#include "engine/message/author.h"
#include "engine/message/header_scan.h"
#include "engine/signing/senders_signature.h"

namespace sluice::signing {
namespace {

using dkim::Algorithm;

constexpr std::string_view kNoKeyWords = "the domain has no key";
constexpr std::string_view kNoAuthor = "the From field names no author";
constexpr Duration kWorkersFull = std::chrono::milliseconds(50);

// Of keys that are not there.
std::string_view why_without(const DomainKeys& keys) {
  if (!keys.error.empty()) return keys.error;
  return keys.kept_back.empty() ? kNoKeyWords : std::string_view(keys.kept_back);
}

std::size_t place(Algorithm algorithm) { return static_cast<std::size_t>(algorithm); }

}  // namespace

// A signature that is to be made.
struct Signer::Wanted {
  SharedDomainKeys owner;  // of `key`
  const SigningKey* key = nullptr;
  dkim::SigningInput input;
  std::optional<dkim::Signature> made;
};

struct Signer::Waiting {
  CustomerShare share;
  FairOrder order{};
  AsyncEvent event{};
};

Signer::Signer(Parts parts, SigningRules rules) : parts_(std::move(parts)), rules_(std::move(rules)) {}

dkim::BodyForms Signer::hashes() const {
  const dkim::SignatureRequest any{.body = rules_.forms.body};
  return dkim::body_forms({&any, 1});
}

bool Signer::may_sign(std::string_view domain, std::string_view customer) {
  const auto may = [this](const KeyOwner& owner) {
    const SharedDomainKeys* const known = known_.find(owner.key());
    return known == nullptr || !(*known)->keys.empty() || !(*known)->error.empty();
  };
  if (may({.kind = KeyOwner::Kind::author, .name = std::string(domain)})) return true;
  if (!customer.empty() && may({.kind = KeyOwner::Kind::customer, .name = std::string(customer)})) return true;
  return rules_.without_key == Unsigned::isp && !rules_.isp_domain.empty();
}

// ------------------------------------------------------------------------------------------ keys

// Kept by this core until they are to be looked for anew; read by a worker once, however many messages wait for them.
Task<SharedDomainKeys> Signer::keys_of(KeyOwner owner, CustomerShare share) {
  const std::string key = owner.key();
  for (;;) {
    const SharedDomainKeys* known = known_.find(key);
    if (known != nullptr && parts_.loop.now() < (*known)->until) co_return *known;
    const auto loading = loading_.find(key);
    if (loading == loading_.end()) break;
    AsyncEvent event;
    loading->second.push_back(&event);
    co_await event.wait("the keys of a domain");
  }
  loading_[key];
  std::optional<SharedDomainKeys> found;
  while (!found && !parts_.loop.aborting()) {
    const Instant now = parts_.loop.now();
    found = co_await io::run_on_worker<SharedDomainKeys>(
        parts_.loop, [&] { return parts_.keys->find(owner, now); }, "the keys of a domain", share);
    if (!found) co_await parts_.loop.sleep(kWorkersFull, "workers");
  }
  if (!found) {
    auto none = std::make_shared<DomainKeys>();
    none->error = "the relay stops";
    found = std::move(none);
  }
  known_.erase(key);
  known_.make_room(kDomainsKept);
  known_.insert(key, *found);
  const auto loading = loading_.find(key);
  const std::vector<AsyncEvent*> waiting = std::move(loading->second);
  loading_.erase(loading);
  for (AsyncEvent* event : waiting) event->set();
  co_return *found;
}

// Of mail of that author's domain, which is not the ISP's.
Task<SharedDomainKeys> Signer::keys_for(std::string domain, Request request) {
  SharedDomainKeys keys = co_await keys_of({.kind = KeyOwner::Kind::author, .name = std::move(domain)}, request.share);
  if (!keys->nothing() || request.own || request.customer.empty()) co_return keys;
  SharedDomainKeys chosen =
      co_await keys_of({.kind = KeyOwner::Kind::customer, .name = std::string(request.customer)}, request.share);
  co_return chosen->nothing() ? keys : chosen;
}

// As domain_key() has it; empty: there is not one author.
std::string Signer::author_domain(const ContentToSign& content, bool smtputf8) const {
  message::HeaderScan scan(
      {.header_bytes_max = content.header().size(), .dot_stuffed = content.form() == message::BodyForm::dot_stuffed});
  scan.feed(content.header());
  scan.finish();
  if (scan.state() != message::HeaderState::complete) return {};
  const message::AuthorVerdict verdict = message::judge_author(scan, {.smtputf8 = smtputf8});
  const message::Mailbox* const author = verdict.single();
  return author != nullptr && !author->is_literal ? domain_key(author->domain) : std::string();
}

// ------------------------------------------------------------------------------------------ without a key

Unsigned Signer::rule_without_key(const std::string& kept_back) const {
  return kept_back.empty() ? rules_.without_key : rules_.kept_back.value_or(rules_.without_key);
}

// What becomes of mail that its author's domain does not sign.  `error`: why not for now; else `kept_back`: why its
// keys are not used; both empty: it has no key.
std::optional<smtp::StandardReply> Signer::without_key(const Request& request, std::string_view domain,
                                                       const std::string& error, const std::string& kept_back) {
  ++(error.empty() ? parts_.counters.without_key : parts_.counters.without_key_now);
  const Unsigned rule = rule_without_key(kept_back);
  std::string_view effect = "sent";
  std::optional<smtp::StandardReply> refusal;
  if (!request.own && rule == Unsigned::refuse) {
    refusal = !error.empty()      ? smtp::replies::kCannotSignNow
              : kept_back.empty() ? smtp::replies::kNoSigningKey
                                  : smtp::replies::kSigningKeysKeptBack;
    effect = error.empty() ? "refused" : "deferred";
  } else if (!request.own && rule == Unsigned::isp) {
    effect = "signed by the ISP alone";
  }
  std::string_view reason = domain.empty() ? kNoAuthor : kNoKeyWords;
  if (!kept_back.empty()) reason = kept_back;
  if (!error.empty()) reason = error;
  parts_.not_signed({.id = request.id, .domain = domain, .reason = reason, .effect = effect});
  return refusal;
}

Task<std::optional<smtp::StandardReply>> Signer::refusal(std::string domain, Request request) {
  const bool may_be = rules_.without_key == Unsigned::refuse || rules_.kept_back == Unsigned::refuse;
  if (request.own || !may_be) co_return std::nullopt;
  const SharedDomainKeys keys = co_await keys_for(domain, request);
  if (!keys->keys.empty() || !keys->error.empty()) co_return std::nullopt;
  if (rule_without_key(keys->kept_back) != Unsigned::refuse) co_return std::nullopt;
  co_return without_key(request, domain, {}, keys->kept_back);
}

Signed Signer::give_up(const Request& request, std::string_view reason) {
  Signed result;
  result.refusal = without_key(request, {}, std::string(reason), {});
  return result;
}

// ------------------------------------------------------------------------------------------ signatures

void Signer::look_at_senders(const ContentToSign& content, const Request& request, std::string_view domain) {
  if (request.own || request.converted) return;
  const auto broken = find_broken_signature(content, domain, rules_.forms.body);
  if (!broken) return;
  ++parts_.counters.broken_before;
  parts_.broken_before({.id = request.id, .domain = domain, .selector = broken->selector, .fault = broken->fault});
}

void Signer::want(const SharedDomainKeys& keys, std::vector<Wanted>& wanted) const {
  for (const SigningKey& key : keys->keys) wanted.push_back({.owner = keys, .key = &key, .input = {}, .made = {}});
}

// False: there is no From field.
bool Signer::prepare(const ContentToSign& content, const Request& request, std::vector<Wanted>& wanted) {
  std::vector<dkim::SignatureRequest> requests;
  for (const Wanted& each : wanted)
    requests.push_back({.signatory = &each.key->signatory,
                        .algorithm = each.key->key->algorithm(),
                        .header = rules_.forms.header,
                        .body = rules_.forms.body,
                        .has_time = rules_.has_time,
                        .lifetime_s = static_cast<std::int64_t>(rules_.lifetime_s)});
  const auto inputs = inputs_.prepare({.header = content.header(),
                                       .form = content.form(),
                                       .body = &content.body(),
                                       .internationalized = request.internationalized,
                                       .now_s = parts_.loop.platform().clock.wall() / 1000},
                                      requests);
  if (!inputs) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i].input = (*inputs)[i];
  return true;
}

// One job for all of a message's.
Task<void> Signer::make_rsa(std::span<Wanted> wanted, CustomerShare share) {
  const auto is_rsa = [](const Wanted& each) { return each.key->key->algorithm() == Algorithm::rsa_sha256; };
  if (std::ranges::none_of(wanted, is_rsa)) co_return;
  co_await turn(share);
  const auto job = [wanted, is_rsa] {
    for (Wanted& each : wanted)
      if (is_rsa(each))
        if (auto made = each.key->key->sign(each.input.digest)) each.made = *made;
    return true;
  };
  while (!co_await io::run_on_workers<bool>(parts_.loop, parts_.workers, job, "a signature", share) &&
         !parts_.loop.aborting())
    co_await parts_.loop.sleep(kWorkersFull, "workers");
  end_turn();
}

Task<void> Signer::turn(CustomerShare share) {
  if (signing_ < kSigningMax) {
    ++signing_;
    co_return;
  }
  Waiting self{.share = share};
  waiting_.push(self, FairQueue<Waiting>::kSameCost);
  ++parts_.counters.waiting;
  co_await self.event.wait("a turn to be signed");
  --parts_.counters.waiting;
}

void Signer::end_turn() {
  if (waiting_.empty()) {
    --signing_;
    return;
  }
  Waiting& next = waiting_.front();
  waiting_.pop_front();
  next.event.set();
}

void Signer::note_used_again(const Signed& made) {
  for (std::size_t i = 0; i < made.signatures.size(); ++i) parts_.counters.used_again[i] += made.signatures[i];
}

Task<Signed> Signer::sign(const ContentToSign& content, Request request) {
  const Instant began = parts_.loop.now();
  Signed result;
  result.until = Instant::min();
  std::vector<Wanted> wanted;
  const bool by_isp = request.own && !rules_.isp_domain.empty();
  const std::string domain = by_isp ? rules_.isp_domain : author_domain(content, request.smtputf8);
  look_at_senders(content, request, domain);
  const KeyOwner isp_owner{.kind = KeyOwner::Kind::domain, .name = rules_.isp_domain};
  const SharedDomainKeys keys =
      by_isp ? co_await keys_of(isp_owner, request.share) : co_await keys_for(domain, request);
  if (keys->keys.empty()) result.refusal = without_key(request, domain, keys->error, keys->kept_back);
  if (result.refusal) co_return result;
  want(keys, wanted);
  const bool as_it_is = wanted.empty() && rule_without_key(keys->kept_back) == Unsigned::send;
  if (!as_it_is && !rules_.isp_domain.empty() && rules_.isp_domain != domain && rules_.isp_domain != keys->domain) {
    const SharedDomainKeys isp = co_await keys_of(isp_owner, request.share);
    if (isp->keys.empty())
      parts_.not_signed({.id = request.id,
                         .domain = rules_.isp_domain,
                         .reason = why_without(*isp),
                         .effect = wanted.empty() ? "sent" : "signed by the author's or the customer's domain alone"});
    want(isp, wanted);
  }
  if (wanted.empty() || !prepare(content, request, wanted)) co_return result;
  for (Wanted& each : wanted)
    if (each.key->key->algorithm() == Algorithm::ed25519_sha256)
      if (auto made = each.key->key->sign(each.input.digest)) each.made = *made;
  co_await make_rsa(wanted, request.share);
  bool by_author = false;
  for (const Wanted& each : wanted) {
    const std::size_t algorithm = place(each.key->key->algorithm());
    ++(each.made ? parts_.counters.made : parts_.counters.failed)[algorithm];
    if (!each.made) continue;
    ++result.signatures[algorithm];
    by_author = by_author || each.owner == keys;
    dkim::append_signature_field(each.input.field, *each.made, result.fields);
  }
  if (!by_author && !keys->keys.empty())
    result.refusal = without_key(request, domain, "the library cannot sign now", {});
  if (!result.fields.empty()) result.until = Instant::max();
  if (rules_.lifetime_s > 0) result.until = parts_.loop.now() + std::chrono::seconds(rules_.lifetime_s) / 2;
  parts_.counters.took.observe(parts_.loop.now() - began);
  co_return result;
}

}  // namespace sluice::signing
