// What the operator has ordered about places where mail goes, for a time: nothing is tried there, or only so much at a
// time.  A list that never changes, shared by all cores; a new order makes a new list.  The counts of a limit are
// shared, too, and change.
// Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"

namespace sluice {

// How much may be tried at a place, on all cores together.
class SharedLimit {
 public:
  // Transmissions at one time, and starts in a minute; 0: no limit of that kind.
  SharedLimit(std::uint32_t connections, std::uint32_t per_minute);
  SharedLimit(const SharedLimit&) = delete;
  SharedLimit& operator=(const SharedLimit&) = delete;

  // One transmission more; true: it is to be given back.
  [[nodiscard]] bool take(Instant now);
  // So many are under way already, whatever the limit says.
  void add(std::uint32_t running) { running_ += running; }
  void give_back(std::uint32_t count) { running_ -= count; }
  // When take() may succeed after it did not.
  [[nodiscard]] Instant look_again(Instant now) const;

 private:
  const std::uint32_t connections_;
  const std::int64_t interval_;  // between two starts, in ticks of Duration
  std::atomic<std::uint32_t> running_{0};
  std::atomic<std::int64_t> next_start_{INT64_MIN};
};

struct DestinationOrder {
  enum class Kind : std::uint8_t {
    destination,  // "ROUTE", with all domains of that route, or "ROUTE/DOMAIN"
    domain,       // of recipients, whatever their route
    host,         // a next hop, by its name or address
  };
  Kind kind = Kind::destination;
  std::string subject;            // without what names its kind; a domain as domain_key() gives it
  WallMillis since = 0;           // when it was given
  WallMillis until = 0;           // when it ends
  std::uint32_t connections = 0;  // of a limit: transmissions at one time,
  std::uint32_t per_minute = 0;   // and starts in a minute; both 0: nothing is tried
  std::string by;                 // who has given it
  std::string reason;             // in that one's words; may be empty
  friend bool operator==(const DestinationOrder&, const DestinationOrder&) = default;

  [[nodiscard]] bool suspends() const { return connections == 0 && per_minute == 0; }
  // As it is given and shown: "mx/example.com", "@example.com", "host:mx.example.com".
  [[nodiscard]] std::string name() const;
};

class DestinationOrders {
 public:
  // An order as cores go by it.
  struct InForce {
    DestinationOrder order;
    Instant until;
    std::shared_ptr<SharedLimit> limit;  // null: it suspends
    std::string words;                   // for who asks why mail waits
  };
  using Snapshot = std::shared_ptr<const DestinationOrders>;

  DestinationOrders() = default;
  explicit DestinationOrders(std::vector<InForce> orders);

  [[nodiscard]] bool empty() const { return by_name_.empty(); }
  // What holds of a destination, by its key ("ROUTE" or "ROUTE/DOMAIN"): of orders about it, its domain and its route
  // one that suspends, else the most specific.  Null: there is none.
  [[nodiscard]] const InForce* of_destination(std::string_view key, Instant now) const;
  // `domain`: a domain_key().
  [[nodiscard]] const InForce* of_domain(std::string_view domain, Instant now) const;
  // `name`: of a host, without its port.
  [[nodiscard]] const InForce* of_host(std::string_view name, Instant now) const;

 private:
  [[nodiscard]] const InForce* find(std::string_view name, Instant now) const;

  std::map<std::string, InForce, std::less<>> by_name_;
};

}  // namespace sluice
