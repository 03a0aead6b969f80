#include "engine/server/domain_watch.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/domain_upkeep/pace.h"
#include "engine/domain_upkeep/record_checks.h"
#include "engine/io/real_platform.h"
#include "engine/text/time_text.h"

namespace sluice::server {
namespace {

using domain_upkeep::News;
using domain_upkeep::Upkeep;

constexpr Duration kCountsEvery = std::chrono::minutes(1);
constexpr Duration kZoneLookEvery = std::chrono::seconds(5);
// A zone of hundreds of thousands of keys is written seldom enough to cost little, however often keys change.
constexpr int kZoneRest = 10;
constexpr Duration kNothingToDo = std::chrono::hours(1);
constexpr std::array<std::string_view, 3> kVerdictNames{"right", "wrong", "unknown"};

}  // namespace

// ------------------------------------------------------------------------------------------ start and stop

void DomainWatch::follow(std::shared_ptr<const UpkeepPlan> plan, io::Dns& dns) {
  const std::lock_guard starting(starting_);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || (plan == nullptr && work_ == nullptr)) return;
  }
  if (dns_ == nullptr) dns_ = std::make_unique<domain_upkeep::StoppableDns>(dns);
  std::shared_ptr<Work> work;
  if (plan != nullptr) {
    work = std::make_shared<Work>();
    work->plan = std::move(plan);
    work->upkeep = std::make_unique<Upkeep>(
        Upkeep::Parts{.store = work->plan->store,
                      .wrapper = work->plan->wrapper,
                      .clock = clock_,
                      .dns = [this] { return std::make_unique<domain_upkeep::TimedDns>(*dns_); },
                      .random = [] { return io::make_real_random(); },
                      .tell = [this](const News& news) { tell(news); }},
        work->plan->rules);
  }
  {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
    woken_.notify_all();
  }
  if (workers_ != nullptr) return;
  constexpr unsigned kThreads = domain_upkeep::kDomainsAtOnce + 1;
  workers_ = io::make_real_workers(kThreads, kThreads, io::WorkerPriority::low);
  CHECK(workers_->submit([this] { run(); }, kOwnShare));
}

void DomainWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    woken_.notify_all();
  }
  zone_.give_up();
  const std::lock_guard starting(starting_);
  if (dns_ != nullptr) dns_->stop();
  workers_ = nullptr;
}

void DomainWatch::run() {
  std::shared_ptr<Work> work;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (work != work_) {
      work = work_;
      counts_due_ = zone_due_ = clock_.now();
    }
    lock.unlock();
    const Instant due = work == nullptr ? clock_.now() + kNothingToDo : turn(work);
    lock.lock();
    woken_.wait_for(lock, std::max(due - clock_.now(), Duration::zero()),
                    [this, &work] { return stopping_ || work_ != work; });
  }
}

// ------------------------------------------------------------------------------------------ a turn of the first thread

// Returns when the next one is due.
Instant DomainWatch::turn(const std::shared_ptr<Work>& work) {
  const Instant now = clock_.now();
  Instant due = now + kNothingToDo;
  if (now >= counts_due_) read_counts(*work, now);
  due = std::min(due, counts_due_);
  if (work->plan->zone.is_kept()) due = std::min(due, keep_zone(*work->plan, now));
  if (!work->plan->checks) return due;
  start_one(work, now);
  const std::lock_guard lock(mutex_);
  return std::min(due, start_due_);
}

void DomainWatch::read_counts(const Work& work, Instant now) {
  counts_due_ = now + kCountsEvery;
  const auto counts = work.upkeep->counts();
  // What is wrong with the store is told by the work on domains.
  const std::lock_guard lock(mutex_);
  if (counts) counts_ = *counts;
}

void DomainWatch::start_one(const std::shared_ptr<Work>& work, Instant now) {
  const std::lock_guard lock(mutex_);
  // Behind a stop the workers are not there to be asked: only this thread is waited for.
  if (stopping_ || now < start_due_) return;
  start_due_ = now + domain_upkeep::time_between_checks(counts_.value_or(auth::DomainStateAdmin::Counts()),
                                                        work->plan->rules.check_every);
  if (running_ == domain_upkeep::kDomainsAtOnce) return;
  if (workers_->submit([this, work] { work_on_one(*work); }, kOwnShare)) ++running_;
}

void DomainWatch::work_on_one(Work& work) {
  const Upkeep::Done done = work.upkeep->run_one();
  {
    const std::lock_guard lock(mutex_);
    --running_;
    if (done == Upkeep::Done::nothing) {
      const Duration rest = std::min(domain_upkeep::kPaceMost, work.plan->rules.check_every);
      start_due_ = std::max(start_due_, clock_.now() + rest);
      return;
    }
    ++checks_[static_cast<std::size_t>(done) - 1];
  }
  const std::lock_guard lock(telling_);
  last_fault_.clear();
}

Instant DomainWatch::keep_zone(const UpkeepPlan& plan, Instant now) {
  if (now < zone_due_) return zone_due_;
  auto stale = zone_.is_stale(plan.store, plan.zone);
  if (!stale) {
    tell_zone(plan.zone, stale.error());
  } else if (*stale) {
    const auto published = zone_.publish(plan.store, plan.zone, clock_.wall());
    tell_zone(plan.zone, published ? std::string() : published.error());
  }
  const Instant end = clock_.now();
  zone_due_ = end + std::max(std::min(kZoneLookEvery, plan.checks ? plan.rules.check_every : kZoneLookEvery),
                             (end - now) * kZoneRest);
  return zone_due_;
}

// ------------------------------------------------------------------------------------------ what is told

void DomainWatch::tell(const News& news) {
  const std::lock_guard lock(telling_);
  const text::TimeText at = text::time_text(news.at);
  const std::string_view moment(at.data(), at.size());
  switch (news.kind) {
    case News::Kind::failing:
      events_.emit(event::DomainFailing{
          .domain = news.domain, .customer = news.customer, .finding = news.what, .since = moment});
      return;
    case News::Kind::right_again:
      events_.emit(event::DomainRight{.domain = news.domain, .customer = news.customer});
      return;
    case News::Kind::proven:
    case News::Kind::proof_back:
      events_.emit(event::DomainProofSeen{.domain = news.domain,
                                          .customer = news.customer,
                                          .state = news.kind == News::Kind::proven ? "proven" : "proof is back"});
      return;
    case News::Kind::proof_gone:
      events_.emit(event::DomainProofGone{.domain = news.domain, .customer = news.customer, .finding = news.what});
      return;
    case News::Kind::key_made:
      events_.emit(event::SigningKeyMade{.domain = news.domain, .customer = news.customer, .selector = news.selector});
      return;
    case News::Kind::key_signs:
      events_.emit(event::SigningKeySeen{
          .domain = news.domain, .customer = news.customer, .selector = news.selector, .signs_from = moment});
      return;
    case News::Kind::key_revoked:
      events_.emit(
          event::SigningKeyRevoked{.domain = news.domain, .customer = news.customer, .selector = news.selector});
      return;
    case News::Kind::key_unfit:
      events_.emit(event::SigningKeyKeptBack{.domain = news.domain,
                                             .customer = news.customer,
                                             .selector = news.selector,
                                             .finding = news.what,
                                             .since = moment});
      return;
    case News::Kind::key_fits:
      events_.emit(event::SigningKeyFits{.domain = news.domain, .customer = news.customer, .selector = news.selector});
      return;
    case News::Kind::fault:
      tell_fault(news);
      return;
  }
}

// One that lasts is told once.
void DomainWatch::tell_fault(const News& news) {
  if (std::exchange(last_fault_, news.what) == news.what) return;
  events_.emit(event::DomainUpkeepFault{.domain = news.domain, .customer = news.customer, .reason = news.what});
}

void DomainWatch::tell_zone(const domain_upkeep::ZoneRules& zone, const std::string& fault) {
  const std::string before = std::exchange(zone_fault_, fault);
  if (before == fault) return;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    zone_fails_ = !fault.empty();
  }
  const std::lock_guard lock(telling_);
  if (const std::string& file = zone.path; !file.empty()) {
    if (fault.empty())
      events_.emit(event::ZoneWritten{.file = file});
    else
      events_.emit(event::ZoneNotWritten{.file = file, .reason = fault});
    return;
  }
  if (fault.empty())
    events_.emit(event::ZoneUpdated{.zone = zone.records.zone, .server = zone.sending.server});
  else
    events_.emit(event::ZoneNotUpdated{.zone = zone.records.zone, .server = zone.sending.server, .reason = fault});
}

std::vector<metrics::Family> DomainWatch::families() {
  const std::lock_guard lock(mutex_);
  if (work_ == nullptr) return {};
  metrics::Family checks{.name = "sluice_domain_checks",
                         .kind = metrics::Kind::counter,
                         .help = "Checks of domains and of claims by this relay; unknown: the DNS did not answer.",
                         .samples = {},
                         .histograms = {}};
  for (std::size_t i = 0; i < kVerdicts; ++i)
    checks.samples.push_back({.labels = {{.name = "verdict", .value = std::string(kVerdictNames[i])}},
                              .value = static_cast<double>(checks_[i])});
  std::vector<metrics::Family> all{std::move(checks)};
  if (work_->plan->zone.is_kept())
    all.push_back({.name = "sluice_zone_failing",
                   .kind = metrics::Kind::gauge,
                   .help = "1: the zone of domains' keys could not be written or updated when it was last tried.",
                   .samples = {{.labels = {}, .value = zone_fails_ ? 1.0 : 0.0}},
                   .histograms = {}});
  if (!counts_) return all;
  metrics::Family domains{.name = "sluice_domains",
                          .kind = metrics::Kind::gauge,
                          .help = "Customers' domains by state, and as new claims that are not proven.",
                          .samples = {},
                          .histograms = {}};
  const std::pair<std::string_view, std::uint64_t> states[] = {{"new", counts_->claims},
                                                               {"asserted", counts_->asserted},
                                                               {"proven", counts_->proven},
                                                               {"failing", counts_->failing}};
  for (const auto& [state, count] : states)
    domains.samples.push_back(
        {.labels = {{.name = "state", .value = std::string(state)}}, .value = static_cast<double>(count)});
  all.push_back(std::move(domains));
  all.push_back({.name = "sluice_signing_keys_kept_back",
                 .kind = metrics::Kind::gauge,
                 .help = "Keys of customers' domains that would sign, and do not, as their records are not theirs.",
                 .samples = {{.labels = {}, .value = static_cast<double>(counts_->unfit_keys)}},
                 .histograms = {}});
  return all;
}

}  // namespace sluice::server
