// What a relay does for the domains of its customers by itself: it looks whether their records in the DNS are right and
// their proof is still there, takes their keys from one step of their life to the next, keeps those back that do not
// fit their records, and makes a claim a domain once its proof is seen.  One domain at a time (run_one()); several
// threads, and several relays on one store, work side by side: a domain is taken by one of them, and what becomes of
// its keys is decided in the transaction that writes it.
//
// A definite answer of the DNS alone changes anything; where it does not answer, all stays as it is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/store/domain_state_admin.h"
#include "auth/store/signing_key_admin.h"
#include "auth/store/store_address.h"
#include "engine/base/network.h"
#include "engine/domain_keys/key_life.h"
#include "engine/domain_keys/key_wrapper.h"
#include "engine/domain_upkeep/domain_state.h"
#include "engine/domain_upkeep/key_plan.h"
#include "engine/io/platform.h"
#include "engine/sender_dns/dns_source.h"

namespace sluice::domain_upkeep {

struct UpkeepRules {
  Duration check_every = std::chrono::days(1);  // each domain
  domain_keys::LifeRules life;
  std::string proof_label;              // below a domain, of the record of its proof
  std::string helo;                     // the relay's name
  std::vector<IpBytes> addresses = {};  // from which mail leaves; none: they are not known
  JudgedRecords judged = {};
};

// What is to be told of a domain.
struct News {
  enum class Kind : std::uint8_t {
    failing,
    right_again,
    proven,      // a claim
    proof_gone,  // of a domain that was proven
    proof_back,
    key_made,
    key_signs,    // from `at` on
    key_revoked,  // its record says so from now on
    key_unfit,    // its record is wrong since `at`: nothing is signed with it
    key_fits,     // its record is right again
    fault,        // nothing is lost: it is tried again
  };
  Kind kind = Kind::fault;
  std::string domain;    // may be empty in a fault
  std::string customer;  // likewise
  std::string selector;  // of a key
  std::string what;      // the finding, or what is at fault
  WallMillis at = 0;     // since when it is failing, or a key's record is wrong; from when a key signs
};

// Any thread.
class Upkeep {
 public:
  // What is referred to outlives it.  `dns` and `random` make one for the work on one domain.
  struct Parts {
    auth::StoreAddress store;
    const domain_keys::KeyWrapper& wrapper;
    io::Clock& clock;
    std::function<std::unique_ptr<sender_dns::DnsSource>()> dns;
    std::function<std::unique_ptr<io::Random>()> random;
    // On the thread that found it.
    std::function<void(const News&)> tell;
  };
  Upkeep(Parts parts, UpkeepRules rules) : parts_(std::move(parts)), rules_(std::move(rules)) {}
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  enum class Done : std::uint8_t {
    nothing,  // no domain's turn has come, or the store does not answer
    right,    // what the DNS says
    wrong,
    unknown,
  };
  // The work on the claim or the domain whose turn it is.  Blocks: for the DNS, for the store, for a key that is made.
  Done run_one();

  // By state, for the pace and for monitoring.  Blocks.
  [[nodiscard]] auth::StoreResult<auth::DomainStateAdmin::Counts> counts() const;

 private:
  // The store, opened for one domain.
  struct Opened {
    std::unique_ptr<auth::DomainStateAdmin> states;
    std::unique_ptr<auth::SigningKeyAdmin> keys;
  };
  struct Look;
  using Plan = std::function<KeyPlan(domain_keys::Keys)>;

  [[nodiscard]] auth::StoreResult<Opened> open() const;
  auth::StoreResult<Done> claims_turn(Opened& opened);
  auth::StoreResult<Done> domains_turn(Opened& opened);
  [[nodiscard]] auth::StoreResult<std::optional<auth::DomainState>> next_domain(Opened& opened, WallMillis now);
  auth::StoreResult<Done> check(Opened& opened, const auth::DomainState& state);
  auth::StoreResult<Done> look_for_proof(Opened& opened, const auth::DomainClaim& claim);
  [[nodiscard]] Look look(const auth::DomainState& state, domain_keys::Keys keys, const std::string& token) const;
  auth::StoreResult<> save_fits(Opened& opened, const auth::DomainState& state, domain_keys::Keys keys,
                                const Look& look) const;
  auth::StoreResult<> change_keys(Opened& opened, const std::string& domain, const std::string& customer,
                                  domain_keys::Keys present, const Plan& plan);
  [[nodiscard]] std::vector<auth::NewSigningKey> make_keys(const std::string& domain, const KeyPlan& plan,
                                                           WallMillis now) const;
  void tell_state(const StateChange& change) const;
  void remember(const std::string& domain, std::optional<WallMillis> at);
  void fault(std::string_view domain, std::string_view customer, const std::string& what) const;

  const Parts parts_;
  const UpkeepRules rules_;
  std::mutex mutex_;  // over what follows
  bool claims_first_ = false;
  // Domains to be looked at before it is their turn, and when.
  std::map<std::string, WallMillis> again_;
};

}  // namespace sluice::domain_upkeep
