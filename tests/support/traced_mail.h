// Mail for traces: customers, accounts, recipients and next hops that are made up, and what the relay would say of a
// message of theirs.  Some accounts and destinations have most of it, as is usual.  Replays from its seed.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

namespace sluice {

struct TracedMail {
  std::string id, message_id, account, customer, to, client, next_hop;
  std::string queued_as;  // the next hop's name of it
  std::uint64_t account_number = 0;
  std::uint64_t domain_number = 0;
};

class TracedMailbag {
 public:
  explicit TracedMailbag(std::uint64_t seed, std::uint64_t accounts = 100'000, std::uint64_t domains = 50'000)
      : accounts_(accounts), domains_(domains), random_(seed) {}

  TracedMail next() {
    const std::uint64_t account = skewed(accounts_);
    const std::uint64_t domain = skewed(domains_);
    return {.id = next_id(),
            .message_id = "<" + hex() + hex() + "@mua" + std::to_string(account) + ".example>",
            .account = account_name(account),
            .customer = customer_name(account),
            .to = named("rcpt", random_() % 2'000'000, "@d") + std::to_string(domain) + ".example",
            .client = named("100.", account % 200, ".") + std::to_string(account / 200 % 250) + "." +
                      std::to_string(random_() % 250),
            .next_hop = named("mx", random_() % 3, ".d") + std::to_string(domain) + ".example:25",
            .queued_as = hex(),
            .account_number = account,
            .domain_number = domain};
  }
  std::string next_id() { return named("0SCJ", 1'000'000'000 + ++count_, "0"); }
  std::uint64_t random() { return random_(); }
  std::string hex() {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(random_()));
    return text.data();
  }
  static std::string account_name(std::uint64_t account) {
    return named("user", account, "@c") + std::to_string(account / 10) + ".example";
  }
  static std::string customer_name(std::uint64_t account) { return named("customer ", account / 10, ""); }
  static std::string named(const char* before, std::uint64_t number, const char* after) {
    return before + std::to_string(number) + after;
  }

 private:
  std::uint64_t skewed(std::uint64_t below) {
    const std::uint64_t one = random_() % below;
    return random_() % 3 == 0 ? one : one * one / below;
  }
  const std::uint64_t accounts_;
  const std::uint64_t domains_;
  std::mt19937_64 random_;
  std::uint64_t count_ = 0;
};

}  // namespace sluice
