#include "engine/domain_upkeep/upkeep.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/domain_keys/new_key.h"
#include "engine/domain_upkeep/key_fit.h"
#include "engine/domain_upkeep/pace.h"
#include "engine/domain_upkeep/record_checks.h"
#include "engine/sender_dns/domain_check.h"

namespace sluice::domain_upkeep {
namespace {

using auth::StoreError;
using auth::StoreResult;
using sender_dns::Finding;
using sender_dns::Verdict;

// Of domains that are looked at again; with more, those that come next wait for their turn.
constexpr std::size_t kAgainMax = 10'000;

// The domain was removed, or given to another customer, while it was looked at.
bool has_gone(const StoreError& error) { return error.kind == StoreError::Kind::not_found; }

// What was done, to be told once it is written.
News news_of(const auth::KeyStateChange& change, WallMillis now) {
  switch (change.state) {
    case auth::KeyState::active:
      return {.kind = News::Kind::key_signs, .selector = change.selector, .at = change.since};
    case auth::KeyState::revoked:
      return {.kind = News::Kind::key_revoked, .selector = change.selector, .at = now};
    case auth::KeyState::published:
    case auth::KeyState::retired:
      break;
  }
  return {};  // with the key that takes its place
}

}  // namespace

// What the DNS says of one domain.
struct Upkeep::Look {
  CheckOutcome outcome;
  std::vector<std::string> right;  // selectors whose records are
  std::vector<Finding> of_keys;    // for each key
};

Upkeep::Look Upkeep::look(const auth::DomainState& state, domain_keys::Keys keys, const std::string& token) const {
  const auto source = parts_.dns();
  sender_dns::RememberedDns dns(*source);
  const std::string domain = io::fold_dns_name(state.domain);
  const WallMillis now = parts_.clock.wall();
  constexpr WallMillis kMillisPerSecond = 1000;
  sender_dns::SendingFacts facts{.addresses = rules_.addresses, .helo = rules_.helo, .now_s = now / kMillisPerSecond};
  Look look;
  for (const auth::SigningKeyRecord& key : keys) {
    Finding& found = look.of_keys.emplace_back(Finding{.verdict = Verdict::not_asked});
    const auto expected = expected_key(key);
    if (!expected) continue;
    found = sender_dns::check_dkim_record(domain, *expected, dns).finding;
    if (found.verdict == Verdict::right) look.right.push_back(key.selector);
    if (needs_record(key, keys, now)) facts.keys.push_back(*expected);
  }
  std::optional<Finding> proof;
  if (state.proven) proof = sender_dns::check_proof_record(domain, rules_.proof_label, token, dns);
  sender_dns::DomainReport report = sender_dns::check_domain(domain, facts, dns);
  std::erase_if(report.findings, [this](const Finding& finding) { return !is_judged(finding, rules_.judged); });
  look.outcome = outcome_of(report.findings, proof ? &*proof : nullptr);
  return look;
}

StoreResult<Upkeep::Opened> Upkeep::open() const {
  auto states = auth::DomainStateAdmin::open(parts_.store);
  if (!states) return std::unexpected(states.error());
  auto keys = auth::SigningKeyAdmin::open(parts_.store);
  if (!keys) return std::unexpected(keys.error());
  return Opened{.states = *std::move(states), .keys = *std::move(keys)};
}

StoreResult<auth::DomainStateAdmin::Counts> Upkeep::counts() const {
  const auto states = auth::DomainStateAdmin::open(parts_.store);
  if (!states) return std::unexpected(states.error());
  return (*states)->counts();
}

// ------------------------------------------------------------------------------------------ whose turn it is

Upkeep::Done Upkeep::run_one() {
  bool claims_first = false;
  {
    const std::lock_guard lock(mutex_);
    claims_first = std::exchange(claims_first_, !claims_first_);
  }
  auto opened = open();
  StoreResult<Done> done = opened ? StoreResult<Done>(Done::nothing) : std::unexpected(opened.error());
  for (const bool claims : {claims_first, !claims_first})
    if (done && *done == Done::nothing) done = claims ? claims_turn(*opened) : domains_turn(*opened);
  if (done) return *done;
  // Without a store there is no domain yet.
  if (done.error().kind != StoreError::Kind::not_found) fault({}, {}, done.error().what);
  return Done::nothing;
}

StoreResult<Upkeep::Done> Upkeep::claims_turn(Opened& opened) {
  const WallMillis now = parts_.clock.wall();
  const auto claim = opened.states->take_claim(now, now - in_millis(std::min(kLookAgainSoon, rules_.check_every)));
  if (!claim) return std::unexpected(claim.error());
  return *claim ? look_for_proof(opened, **claim) : Done::nothing;
}

StoreResult<Upkeep::Done> Upkeep::domains_turn(Opened& opened) {
  const auto domain = next_domain(opened, parts_.clock.wall());
  if (!domain) return std::unexpected(domain.error());
  return *domain ? check(opened, **domain) : Done::nothing;
}

StoreResult<std::optional<auth::DomainState>> Upkeep::next_domain(Opened& opened, WallMillis now) {
  std::string again;
  {
    const std::lock_guard lock(mutex_);
    const auto due = std::ranges::find_if(again_, [now](const auto& each) { return each.second <= now; });
    if (due != again_.end()) again = again_.extract(due).key();
  }
  if (!again.empty()) {
    auto state = opened.states->state(again);
    if (state) return *std::move(state);
    if (!has_gone(state.error())) return std::unexpected(state.error());
  }
  return opened.states->take_domain(now, now - in_millis(rules_.check_every));
}

void Upkeep::remember(const std::string& domain, std::optional<WallMillis> at) {
  const std::lock_guard lock(mutex_);
  if (!at) {
    again_.erase(domain);
  } else if (again_.size() < kAgainMax || again_.contains(domain)) {
    again_[domain] = *at;
  }
}

void Upkeep::fault(std::string_view domain, std::string_view customer, const std::string& what) const {
  parts_.tell(
      {.kind = News::Kind::fault, .domain = std::string(domain), .customer = std::string(customer), .what = what});
}

// ------------------------------------------------------------------------------------------ the work on one

StoreResult<Upkeep::Done> Upkeep::check(Opened& opened, const auth::DomainState& state) {
  const auto keys = opened.keys->keys_of(state.domain);
  if (!keys) return has_gone(keys.error()) ? StoreResult<Done>(Done::unknown) : std::unexpected(keys.error());
  std::string token;
  if (state.proven) {
    auto made = opened.states->proof_token(state.customer);
    if (!made) return has_gone(made.error()) ? StoreResult<Done>(Done::unknown) : std::unexpected(made.error());
    token = *std::move(made);
  }
  const Look look = this->look(state, *keys, token);
  const StateChange change = judge(state, look.outcome, parts_.clock.wall());
  if (StoreResult<> saved = opened.states->save(change.state); !saved) return std::unexpected(saved.error());
  tell_state(change);
  if (StoreResult<> saved = save_fits(opened, state, *keys, look); !saved) return std::unexpected(saved.error());
  const Plan plan = [&](domain_keys::Keys now_there) {
    return plan_keys(now_there, look.right, rules_.life, parts_.clock.wall());
  };
  if (StoreResult<> changed = change_keys(opened, state.domain, state.customer, *keys, plan); !changed)
    return std::unexpected(changed.error());
  const auto left = opened.keys->keys_of(state.domain);
  remember(state.domain,
           left ? look_again(change.state, *left, rules_.check_every, parts_.clock.wall()) : std::nullopt);
  switch (look.outcome.verdict) {
    case Verdict::right:
      return Done::right;
    case Verdict::not_asked:
      return Done::unknown;
    case Verdict::wrong:
    case Verdict::missing:
      break;
  }
  return Done::wrong;
}

void Upkeep::tell_state(const StateChange& change) const {
  const auto tell = [&](bool is_so, News::Kind kind) {
    if (is_so)
      parts_.tell({.kind = kind,
                   .domain = change.state.domain,
                   .customer = change.state.customer,
                   .what = change.state.finding,
                   .at = change.state.failing_since});
  };
  tell(change.failing, News::Kind::failing);
  tell(change.proof_gone, News::Kind::proof_gone);
  tell(change.proof_back, News::Kind::proof_back);
  tell(change.right_again, News::Kind::right_again);
}

StoreResult<Upkeep::Done> Upkeep::look_for_proof(Opened& opened, const auth::DomainClaim& claim) {
  Verdict verdict = Verdict::not_asked;
  {
    const auto dns = parts_.dns();
    verdict =
        sender_dns::check_proof_record(io::fold_dns_name(claim.domain), rules_.proof_label, claim.token, *dns).verdict;
  }
  if (verdict == Verdict::not_asked) return Done::unknown;
  if (verdict != Verdict::right) return Done::wrong;
  const auto proof = opened.states->prove(claim.domain, claim.customer, parts_.clock.wall());
  // The claim may have been removed.
  if (!proof) return has_gone(proof.error()) ? StoreResult<Done>(Done::right) : std::unexpected(proof.error());
  if (*proof == auth::DomainStateAdmin::Proof::has_owner) return Done::right;
  parts_.tell({.kind = News::Kind::proven, .domain = claim.domain, .customer = claim.customer});
  const Plan plan = [&](domain_keys::Keys now_there) {
    return plan_first_keys(now_there, rules_.life, parts_.clock.wall());
  };
  if (StoreResult<> made = change_keys(opened, claim.domain, claim.customer, {}, plan); !made)
    return std::unexpected(made.error());
  return Done::right;
}

// ------------------------------------------------------------------------------------------ keys

// Ahead of what becomes of them: a key that begins to sign by this check was seen by it.
StoreResult<> Upkeep::save_fits(Opened& opened, const auth::DomainState& state, domain_keys::Keys keys,
                                const Look& look) const {
  const WallMillis now = parts_.clock.wall();
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const auth::SigningKeyRecord& key = keys[at];
    const auth::KeyFit fit = fit_of(key, look.of_keys[at].verdict, now);
    if (fit == key.fit) continue;
    const auto saved = opened.keys->save_fit(key, fit);
    if (!saved) return std::unexpected(saved.error());
    if (!*saved || fit.kept_back == key.fit.kept_back || !is_to_sign(key, now)) continue;
    News news{.kind = fit.kept_back ? News::Kind::key_unfit : News::Kind::key_fits,
              .domain = state.domain,
              .customer = state.customer,
              .selector = key.selector,
              .at = fit.wrong_since};
    if (fit.kept_back) news.what = finding_text("", look.of_keys[at]);
    parts_.tell(news);
  }
  return {};
}

std::vector<auth::NewSigningKey> Upkeep::make_keys(const std::string& domain, const KeyPlan& plan,
                                                   WallMillis now) const {
  std::vector<auth::NewSigningKey> made;
  const auto random = parts_.random();
  for (const NextKey& next : plan.next) {
    auto key = domain_keys::make_key_for_store(domain, next.selector, next.algorithm,
                                               {.wrapper = parts_.wrapper, .random = *random, .now = now});
    if (key) {
      made.push_back(*std::move(key));
    } else {
      fault(domain, {}, "key " + next.selector + ": " + key.error());
    }
  }
  return made;
}

// Keys are made before the transaction, which others wait for; whether they are still wanted is decided in it.
StoreResult<> Upkeep::change_keys(Opened& opened, const std::string& domain, const std::string& customer,
                                  domain_keys::Keys present, const Plan& plan) {
  const KeyPlan expected = plan(present);
  if (expected.empty()) return {};
  const WallMillis now = parts_.clock.wall();
  std::vector<auth::NewSigningKey> made;
  if (!expected.next.empty()) {
    if (!domain_keys::may_keep_keys(parts_.store, parts_.wrapper)) {
      fault(domain, customer,
            "no key is made: dkim.wrapping_key_file is not set, and keys in PostgreSQL are always sealed");
    } else {
      made = make_keys(domain, expected, now);
    }
  }
  std::vector<News> news;
  StoreResult<> done = opened.keys->change(domain, [&](domain_keys::Keys keys) -> StoreResult<auth::KeyChanges> {
    const KeyPlan decided = plan(keys);
    auth::KeyChanges changes{.keys = {}, .states = decided.states};
    for (const auth::KeyStateChange& each : decided.states) news.push_back(news_of(each, now));
    for (const NextKey& next : decided.next) {
      const auto key = std::ranges::find(made, next.selector, [](const auto& each) { return each.record.selector; });
      if (key == made.end()) continue;
      news.push_back({.kind = News::Kind::key_made, .selector = next.selector, .at = now});
      changes.keys.push_back(std::move(*key));
    }
    return changes;
  });
  if (!done) return has_gone(done.error()) ? StoreResult<>() : done;
  for (News& each : news) {
    if (each.selector.empty()) continue;
    each.domain = domain;
    each.customer = customer;
    parts_.tell(each);
  }
  return {};
}

}  // namespace sluice::domain_upkeep
