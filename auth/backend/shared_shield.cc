#include "auth/backend/shared_shield.h"

#include <utility>

namespace sluice::auth {

void SharedShield::set_limits(ShieldLimits limits, unsigned ipv6_bits) {
  ipv6_bits_.store(ipv6_bits, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  shield_.set_limits(std::move(limits));
  shield_.set_ipv6_bits(ipv6_bits);
}

LoginAttempt SharedShield::attempt(std::string_view ip, const Name& name, const CredentialKey& key) const {
  constexpr IpBytes kNotKnown{.bytes = {}, .size = 4};
  return login_attempt(parse_ip(ip).value_or(kNotKnown), ipv6_bits_.load(std::memory_order_relaxed), name, key);
}

Shield::Decision SharedShield::admit(const LoginAttempt& attempt, Instant now) {
  const std::lock_guard lock(mutex_);
  return shield_.admit(attempt, now);
}

ShieldRule SharedShield::granted(const LoginAttempt& attempt, Instant now) {
  const std::lock_guard lock(mutex_);
  return shield_.granted(attempt, now);
}

Shield::Counted SharedShield::failed(const LoginAttempt& attempt, Instant now) {
  const std::lock_guard lock(mutex_);
  return shield_.failed(attempt, now);
}

std::vector<ShieldEntry> SharedShield::list(Instant now, std::size_t most) {
  const std::lock_guard lock(mutex_);
  return shield_.list(now, most);
}

std::size_t SharedShield::release(std::string_view subject) {
  auto network = Network::parse(subject);
  if (const auto ip = parse_ip(subject)) network = client_block(ip->span(), ipv6_bits_.load(std::memory_order_relaxed));
  const std::lock_guard lock(mutex_);
  const std::size_t entries = subject.empty() ? shield_.release_all()
                              : network       ? shield_.release(*network)
                                              : shield_.release_account(subject);
  shield_.tell_release(network ? network->to_string() : std::string(subject));
  return entries;
}

std::size_t SharedShield::size() {
  const std::lock_guard lock(mutex_);
  return shield_.size();
}

void SharedShield::share() {
  const std::lock_guard lock(mutex_);
  shield_.share();
}

ShieldNews SharedShield::take_news(std::size_t bytes_max, Instant now) {
  const std::lock_guard lock(mutex_);
  return shield_.take_news(bytes_max, now);
}

std::vector<ShieldEntry> SharedShield::merge(const ShieldNews& news, Instant now) {
  const std::lock_guard lock(mutex_);
  return shield_.merge(news, now);
}

}  // namespace sluice::auth
