// Whose domains are, and whether their records in the DNS are right: claims, which are to be proven, the proof, and
// what the checks of all domains found.  Used by sluicectl and by the relays that check, several on one store.  One
// thread.  Calls block.  Every change is one transaction.  A file that takes the store's place is not followed: it is
// opened for a piece of work.
//
// A claim is no domain: it gives its customer no right to send, and keeps no other customer from claiming the same
// name, proving it, or being given it by the operator.  Its proof is a token that the customer publishes below the
// name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/store/database.h"
#include "auth/store/store_address.h"
#include "auth/store/store_error.h"
#include "engine/base/time.h"

namespace sluice::auth {

inline constexpr std::size_t kDomainClaimsMax = 1000;  // of one customer
inline constexpr std::size_t kDomainFindingBytesMax = 300;

// A domain as its last check left it.
struct DomainState {
  std::string domain;
  std::string customer;
  bool proven = false;           // else asserted, by the operator
  WallMillis proof_seen = 0;     // when the proof of a proven one was last seen
  WallMillis checked = 0;        // 0: never
  std::string verdict;           // "right", "wrong", "unknown": the DNS did not answer; "": never checked
  std::string finding;           // the first thing that is wrong; empty where nothing is
  WallMillis failing_since = 0;  // 0: is not failing
};

struct DomainClaim {
  std::string domain;
  std::string customer;
  std::string token;  // what its proof says: see proof_token()
  WallMillis created = 0;
};

class DomainStateAdmin {
 public:
  [[nodiscard]] static StoreResult<std::unique_ptr<DomainStateAdmin>> open(const StoreAddress& address);
  ~DomainStateAdmin();
  DomainStateAdmin(const DomainStateAdmin&) = delete;
  DomainStateAdmin& operator=(const DomainStateAdmin&) = delete;

  // The domain whose check is longest ago, where that is before `before`; marked as taken at `now`, so that another
  // relay on the same store takes another one.  Domains such as *.example.com are left out.
  [[nodiscard]] StoreResult<std::optional<DomainState>> take_domain(WallMillis now, WallMillis before);
  // Likewise a claim whose proof was last looked for before `before`.  One that is older than a day comes up once a
  // day at most, and one that is older than 30 days no more.
  [[nodiscard]] StoreResult<std::optional<DomainClaim>> take_claim(WallMillis now, WallMillis before);
  // The outcome of a check.  `finding` is kept as clean text, cut to kDomainFindingBytesMax.  Of a domain that is not
  // that customer's any more nothing is.
  [[nodiscard]] StoreResult<> save(const DomainState& state);
  [[nodiscard]] StoreResult<DomainState> state(std::string_view domain);

  // 40 characters of [0-9a-f], the same for all domains of the customer.  It is made of the store's own key, and of
  // when the customer was made: a later one does not get it.
  [[nodiscard]] StoreResult<std::string> proof_token(std::string_view customer);

  // Of all proven domains, in their order: the domain, and the token of its customer.
  using OnProof = std::function<void(std::string domain, std::string token)>;
  [[nodiscard]] StoreResult<> each_proof(const OnProof& on_proof);

  // Adds a claim, or makes one that there is as good as new.  Refused for *.example.com, for what the customer has
  // already, and beyond kDomainClaimsMax.
  [[nodiscard]] StoreResult<DomainClaim> add_claim(std::string_view domain, std::string_view customer, WallMillis now);
  // In the order of their names, then customers; all, or those of one name or one customer.
  [[nodiscard]] StoreResult<std::vector<DomainClaim>> claims(std::optional<std::string_view> domain,
                                                             std::optional<std::string_view> customer);
  [[nodiscard]] StoreResult<> remove_claim(std::string_view domain, std::string_view customer);

  // Of a claim whose proof was seen: it becomes a domain of that customer.  has_owner: another customer has the domain,
  // or all below one that it lies in; the claim stays.
  enum class Proof : std::uint8_t { done, has_owner };
  [[nodiscard]] StoreResult<Proof> prove(std::string_view domain, std::string_view customer, WallMillis now);

  struct Counts {
    std::uint64_t claims = 0;
    std::uint64_t asserted = 0;  // and not failing
    std::uint64_t proven = 0;    // likewise
    std::uint64_t failing = 0;
    std::uint64_t never_checked = 0;  // of all these, but for those such as *.example.com
    std::uint64_t unfit_keys = 0;     // that would sign, and are kept back (KeyFit)
  };
  [[nodiscard]] StoreResult<Counts> counts();

 private:
  explicit DomainStateAdmin(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  [[nodiscard]] StoreResult<bool> owns(std::int64_t customer, const std::string& domain);
  std::unique_ptr<Database> database_;
};

}  // namespace sluice::auth
