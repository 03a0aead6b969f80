#include "policy/noticing/sending_news.h"

#include <algorithm>
#include <utility>

namespace sluice::noticing {
namespace {

void count_up(std::uint32_t& count, std::uint32_t amount) {
  count = std::min(SendingNews::kCountMax, count + std::min(amount, SendingNews::kCountMax));
}

// Parts of an ordinary day that another relay may not know of: of networks a larger one, as each is a step by itself.
constexpr std::uint32_t kPartOfDay = 16;
constexpr std::uint32_t kPartOfNetworks = 4;

bool matters(const SendingNews& news, const OrdinaryDay& ordinary) {
  const std::size_t strangers = news.strangers.size() + news.more_strangers;
  return news.unknown > 0 || news.spam > 0 || news.recipients * kPartOfDay >= ordinary.recipients ||
         strangers * kPartOfDay >= ordinary.first_time_recipients ||
         news.networks.size() * kPartOfNetworks >= ordinary.networks;
}

// Which of them it is; kNetworksMax: none.
std::uint8_t add_network(std::vector<SendingNews::Network>& networks, std::string_view text, CountryCode country) {
  if (text.empty()) return SendingNews::kNetworksMax;
  const auto found = std::ranges::find(networks, text, &SendingNews::Network::text);
  const auto place = static_cast<std::uint8_t>(found - networks.begin());
  if (found == networks.end() && place < SendingNews::kNetworksMax)
    networks.push_back({.text = std::string(text), .country = country});
  return place;
}

void add_text(std::vector<SendingNews::Text>& texts, const MessageFacts& facts, std::uint8_t network) {
  if (facts.text.empty()) return;
  auto found = std::ranges::find_if(
      texts, [&](const auto& each) { return each.network == network && each.sketch.same_text(facts.text); });
  if (found == texts.end()) {
    if (texts.size() >= SendingNews::kTextsMax) return;
    texts.push_back({.sketch = facts.text, .network = network});
    found = texts.end() - 1;
  }
  count_up(found->recipients, facts.recipients);
  count_up(found->first_time, facts.first_time);
  if (!facts.list_unsubscribe) count_up(found->without_unsubscribe, facts.recipients);
}

}  // namespace

std::size_t sending_bytes(const SendingNews& news) {
  constexpr std::size_t kNumbers = 40;
  constexpr std::size_t kLength = 2;
  std::size_t bytes = kNumbers + news.account.size() + news.policy_class.size();
  for (const std::string& each : news.strangers) bytes += kLength + each.size();
  for (const SendingNews::Network& each : news.networks) bytes += kLength + each.text.size() + each.country.size();
  return bytes + news.texts.size() * (sizeof(TextSketch) + 1 + 3 * sizeof(std::uint32_t));
}

SendingNews& SendingOutbox::of(std::string_view account, const WatchedClass& by, Instant now) {
  Waiting* found = accounts_.find(account);
  if (found == nullptr) {
    accounts_.make_room(kAccountsMax);
    found = &accounts_.insert(account, {});
    found->news.account = account;
  }
  found->news.policy_class = by.name;
  found->last = now;
  return found->news;
}

void SendingOutbox::added(std::unique_lock<std::mutex> lock, std::string_view account, const WatchedClass& by) {
  Waiting& waiting = *accounts_.find(account);
  if (waiting.due || !matters(waiting.news, by.policy.ordinary)) return;
  waiting.due = true;
  due_.emplace_back(account);
  if (!wake_ || std::exchange(woken_, true)) return;
  const std::function<void()> wake = wake_;
  lock.unlock();
  wake();
}

void SendingOutbox::add_message(std::string_view account, const WatchedClass& by, const MessageFacts& facts,
                                const SentTexts& texts, const std::vector<bool>& strangers, Instant now) {
  std::unique_lock lock(mutex_);
  SendingNews& news = of(account, by, now);
  count_up(news.recipients, facts.recipients);
  for (std::size_t i = 0; i < strangers.size(); ++i) {
    if (!strangers[i]) continue;
    const std::string_view stranger = i < texts.recipients.size() ? texts.recipients[i] : std::string_view();
    if (stranger.empty() || stranger.size() > SendingNews::kStrangerBytesMax ||
        news.strangers.size() >= SendingNews::kStrangersMax) {
      count_up(news.more_strangers, 1);
    } else {
      news.strangers.emplace_back(stranger);
    }
  }
  add_text(news.texts, facts, add_network(news.networks, texts.network, facts.country));
  news.failed_logins = std::max(news.failed_logins, std::min(facts.failed_logins, SendingNews::kCountMax));
  added(std::move(lock), account, by);
}

void SendingOutbox::add_outcomes(std::string_view account, const WatchedClass& by, std::span<const Outcome> outcomes,
                                 Instant now) {
  std::unique_lock lock(mutex_);
  SendingNews& news = of(account, by, now);
  for (const Outcome& outcome : outcomes) {
    std::uint32_t& count = outcome.kind == OutcomeKind::accepted  ? news.accepted
                           : outcome.kind == OutcomeKind::unknown ? news.unknown
                           : outcome.kind == OutcomeKind::spam    ? news.spam
                                                                  : news.other;
    count_up(count, 1);
  }
  added(std::move(lock), account, by);
}

void SendingOutbox::forget(std::string_view account) {
  const std::lock_guard lock(mutex_);
  accounts_.erase(account);
}

void SendingOutbox::set_wake(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

std::vector<SendingNews> SendingOutbox::take(std::size_t bytes_max, Instant now) {
  std::vector<SendingNews> taken;
  std::size_t bytes = 0;
  const std::lock_guard lock(mutex_);
  woken_ = false;
  while (!due_.empty()) {
    Waiting* const next = accounts_.find(due_.front());
    // Gone, and perhaps here again: then it is among those that are due behind.
    if (next != nullptr && next->due) {
      bytes += sending_bytes(next->news);
      if (bytes > bytes_max) return taken;
      taken.push_back(std::move(next->news));
      accounts_.erase(due_.front());
    }
    due_.pop_front();
  }
  accounts_.drain_unused([&](std::string_view, const Waiting& waiting) {
    if (now - waiting.last < kQuiet) return false;
    bytes += sending_bytes(waiting.news);
    if (bytes > bytes_max) return false;
    taken.push_back(waiting.news);
    return true;
  });
  return taken;
}

}  // namespace sluice::noticing
