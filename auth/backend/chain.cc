#include "auth/backend/chain.h"

#include <utility>

#include "auth/backend/store_backend.h"
#include "auth/device_password.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

// Whether a back end is asked about this login.
bool is_for(const BackendOptions& options, const Credentials& credentials, std::string_view domain) {
  return options.bearer == credentials.bearer && is_for_domain(options, domain);
}

}  // namespace

std::vector<ConfiguredBackend> store_alone() {
  std::vector<ConfiguredBackend> backends;
  backends.push_back({.options = {}, .source = make_store_source()});
  backends.back().options.name = kStoreBackend;
  backends.back().options.kind = kStoreBackend;
  return backends;
}

BackendChain::BackendChain(const std::vector<ConfiguredBackend>& backends, const BackendParts& parts, Notice notice,
                           Notice warning)
    : parts_(parts), notice_(std::move(notice)), warning_(std::move(warning)) {
  for (const ConfiguredBackend& configured : backends)
    links_.push_back(
        std::make_unique<Link>(Link{.options = configured.options,
                                    .backend = configured.source->on_core(parts),
                                    .breaker = CircuitBreaker({.failures = configured.options.failures}),
                                    .source = static_cast<std::uint8_t>(kFirstBackendSource + links_.size()),
                                    .counters = {.name = configured.options.name, .took = {}}}));
}

Task<Answer> BackendChain::check(const Credentials& credentials) {
  if (auto device = co_await ask_devices(credentials)) {
    device->source = kStoreSource;
    co_return *std::move(device);
  }
  const std::string key = login_key(credentials.name.text());
  const std::string_view domain = login_domain(key);
  // A listener chooses who checks passwords.
  const std::span<const std::uint8_t> chosen =
      credentials.bearer ? std::span<const std::uint8_t>() : credentials.backends;
  Answer unknown = Answer::wrong();
  for (std::size_t i = 0; Link* const link = link_of(chosen, i); ++i) {
    if (!is_for(link->options, credentials, domain)) continue;
    Verdict verdict = co_await ask(*link, credentials);
    unknown.source = link->source;
    if (verdict.kind == Verdict::Kind::unknown) continue;
    Answer answer = co_await this->answer(*link, std::move(verdict), credentials);
    answer.backend = static_cast<std::uint16_t>(i + 1);
    answer.source = link->source;
    co_return answer;
  }
  co_return unknown;
}

BackendChain::Link* BackendChain::link_of(std::span<const std::uint8_t> chosen, std::size_t at) const {
  const std::size_t count = chosen.empty() ? links_.size() : chosen.size();
  if (at >= count) return nullptr;
  return links_.at(chosen.empty() ? at : chosen[at]).get();
}

Task<std::optional<Answer>> BackendChain::ask_devices(const Credentials& credentials) {
  if (credentials.bearer || !is_device_password(credentials.secret.reveal())) co_return std::nullopt;
  using Found = StoreResult<std::optional<Answer>>;
  AccountStore& store = parts_.store;
  const WallMillis now = parts_.loop.platform().clock.wall();
  auto found = co_await io::run_on_workers<Found>(
      parts_.loop, parts_.store_workers(), [&] { return store.find_device(credentials, now); }, "a device password",
      credentials.share);
  if (!found) co_return Answer::unavailable(kStoreBusy);
  if (!*found) co_return Answer::unavailable(found->error().what);
  co_return **std::move(found);
}

Task<Answer> BackendChain::check_cram_md5(const CramMd5Login& login) {
  using Found = StoreResult<std::optional<Answer>>;
  AccountStore& store = parts_.store;
  const WallMillis now = parts_.loop.platform().clock.wall();
  auto found = co_await io::run_on_workers<Found>(
      parts_.loop, parts_.store_workers(), [&] { return store.find_device(login, now); }, "a device password",
      login.share);
  if (!found) co_return Answer::unavailable(kStoreBusy);
  if (!*found) co_return Answer::unavailable(found->error().what);
  co_return (*found)->value_or(Answer::wrong());
}

Task<Verdict> BackendChain::ask(Link& link, const Credentials& credentials) {
  if (!link.breaker.admits(parts_.loop.now()))
    co_return Verdict::of(Verdict::Kind::unavailable, link.options.name + ": is left alone, as it did not answer");
  const Instant asked = parts_.loop.now();
  Verdict verdict = co_await link.backend->check(credentials);
  link.counters.took.observe(parts_.loop.now() - asked);
  ++link.counters.by_kind[static_cast<std::size_t>(verdict.kind)];
  if (warning_ && !verdict.warning.empty()) warning_(link.options.name, verdict.warning);
  if (verdict.kind != Verdict::Kind::unavailable || verdict.of_one_account) {
    if (link.breaker.answered()) notice_(link.options.name, "");
  } else if (link.breaker.failed(parts_.loop.now())) {
    notice_(link.options.name, verdict.reason);
  }
  co_return verdict;
}

Task<Answer> BackendChain::answer(const Link& link, Verdict verdict, const Credentials& credentials) {
  switch (verdict.kind) {
    case Verdict::Kind::granted:
      break;
    case Verdict::Kind::wrong:
    case Verdict::Kind::unknown: {
      Answer wrong = Answer::wrong();
      if (!verdict.reason.empty()) wrong.reason = link.options.name + ": " + verdict.reason;
      co_return wrong;
    }
    case Verdict::Kind::suspended:
      co_return Answer::suspended(std::move(verdict.reason), std::move(verdict.identity));
    case Verdict::Kind::unavailable:
      co_return Answer::unavailable(link.options.name + ": " + verdict.reason);
  }
  if (verdict.identity != nullptr) co_return Answer::granted(std::move(verdict.identity));
  const WallMillis expires = verdict.expires;
  const bool named = link.options.customer_from == CustomerFrom::answer;
  if (verdict.account.empty()) verdict.account = credentials.name.text();
  if (!named) verdict.customer = link.options.customer;
  const Claim claim{.account = std::move(verdict.account),
                    .customer = std::move(verdict.customer),
                    .domains = std::move(verdict.domains),
                    .customer_from = link.options.customer_from,
                    .unknown_customer = link.options.unknown_customer,
                    .now = parts_.loop.platform().clock.wall()};
  AccountStore& store = parts_.store;
  auto answer = co_await io::run_on_workers<Answer>(
      parts_.loop, parts_.store_workers(), [&store, &claim] { return store.identify(claim); },
      "the customer of a login", credentials.share);
  if (!answer) co_return Answer::unavailable(kStoreBusy);
  if (expires != 0) answer->valid_until = until(expires);
  co_return *std::move(answer);
}

// As far as the core's clock counts: a grant that ends in a thousand years has no end.
Instant BackendChain::until(WallMillis end) const {
  constexpr WallMillis kFarMs = 24LL * 3600 * 1000;
  const WallMillis left = end - parts_.loop.platform().clock.wall();
  return left > kFarMs ? Instant::max() : parts_.loop.now() + std::chrono::milliseconds(left);
}

Task<MailboxState> BackendChain::look_up(const Name& name) {
  const std::string key = login_key(name.text());
  MailboxState state = MailboxState::untold;
  for (const auto& link : links_) {
    if (link->options.bearer || !is_for_domain(link->options, login_domain(key))) continue;
    const MailboxState answer = co_await link->backend->look_up(name);
    if (answer != MailboxState::gone) co_return answer;
    if (link->options.kind != kStoreBackend) state = MailboxState::gone;
  }
  co_return state;
}

std::vector<std::string> source_names(std::span<const BackendCounters> backends) {
  static_assert(kNoSource == 0 && kStoreSource == 1 && kFirstBackendSource == 2);
  std::vector<std::string> names{"none", "store"};
  for (const BackendCounters& backend : backends) names.push_back(backend.name);
  return names;
}

std::vector<BackendCounters> BackendChain::counters() const {
  std::vector<BackendCounters> all;
  for (const auto& link : links_) all.push_back(link->counters);
  return all;
}

Task<void> BackendChain::close() {
  for (const auto& link : links_) co_await link->backend->close();
}

}  // namespace sluice::auth
