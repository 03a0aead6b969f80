#include "policy/budget/core_limits.h"

#include <utility>

namespace sluice::policy {
namespace {

constexpr std::string_view kWholeRelay = "all";

// One meter that counts for a submitter, with its limits.
struct Counted {
  CoreBudget::Account& account;
  std::vector<Limit> limits;
};

class BudgetSubmitter final : public Submitter {
 public:
  // For notices; empty: a trusted network.
  struct Names {
    std::string account;
    std::string customer;
  };
  BudgetSubmitter(CoreBudget& budget, Names names, bool shadow, CoreLimits::Notice notice)
      : budget_(budget),
        account_(std::move(names.account)),
        customer_(std::move(names.customer)),
        shadow_(shadow),
        notice_(std::move(notice)) {}
  ~BudgetSubmitter() override {
    for (const auto& counted : counted_)
      for (const Counted& each : counted) budget_.leave(each.account);
  }
  BudgetSubmitter(const BudgetSubmitter&) = delete;
  BudgetSubmitter& operator=(const BudgetSubmitter&) = delete;

  // Those of the whole relay are of no class, and stand for one in shadow, too.
  void count(Subject subject, const std::string& name, std::span<const Limit> limits);

  [[nodiscard]] bool limits(Quantity quantity) const override {
    return !counted_[static_cast<std::size_t>(quantity)].empty();
  }
  Task<Reserved> reserve(Quantity quantity, std::uint64_t wanted) override;
  void spend(Quantity quantity, std::uint64_t amount) override {
    for (const Counted& each : of(quantity)) budget_.spend(each.account, amount);
  }
  void give_back(Quantity quantity, std::uint64_t amount) override {
    for (const Counted& each : of(quantity)) budget_.give_back(each.account, amount);
  }

 private:
  Task<Reserved> reserve_of(Quantity quantity, std::uint64_t wanted);
  [[nodiscard]] bool in_shadow(Subject subject) const { return shadow_ && subject != Subject::relay; }
  std::vector<Counted>& of(Quantity quantity) { return counted_[static_cast<std::size_t>(quantity)]; }
  LimitReached tell(LimitNotice::Kind kind, const MeterKey& key, const FullWindow& window);

  CoreBudget& budget_;
  std::string account_;
  std::string customer_;
  bool shadow_;
  CoreLimits::Notice notice_;
  std::array<std::vector<Counted>, kQuantities> counted_;
  bool session_counted_ = false;
  std::optional<LimitReached> session_passed_;
};

void keep_graver(std::optional<LimitReached>& kept, const std::optional<LimitReached>& other) {
  if (!other || (kept && !is_graver(other->window.limit.action, kept->window.limit.action))) return;
  kept = other;
}

void BudgetSubmitter::count(Subject subject, const std::string& name, std::span<const Limit> limits) {
  for (std::size_t i = 0; i < kQuantities; ++i) {
    const auto quantity = static_cast<Quantity>(i);
    std::vector<Limit> own;
    for (const Limit& limit : limits)
      if (limit.quantity == quantity) own.push_back(as_counted(limit, in_shadow(subject)));
    if (own.empty()) continue;
    CoreBudget::Account& account = budget_.use({.subject = subject, .quantity = quantity, .name = name});
    of(quantity).push_back({.account = account, .limits = std::move(own)});
  }
}

// A session counts with the first that it wants to send.
Task<Reserved> BudgetSubmitter::reserve(Quantity quantity, std::uint64_t wanted) {
  if (!session_counted_ && quantity != Quantity::sessions) {
    Reserved session = co_await reserve_of(Quantity::sessions, 1);
    if (session.amount == 0) co_return session;
    spend(Quantity::sessions, 1);
    session_counted_ = true;
    session_passed_ = std::move(session.passed);
  }
  Reserved reserved = co_await reserve_of(quantity, wanted);
  // Each message of a session that is one too many, as `messages` is reserved once for each.
  if (quantity == Quantity::messages) keep_graver(reserved.passed, session_passed_);
  co_return reserved;
}

// All meters must have room: what one of them does not give goes back to those before it.
Task<Reserved> BudgetSubmitter::reserve_of(Quantity quantity, std::uint64_t wanted) {
  Reserved reserved{.amount = wanted, .refused = {}, .passed = {}};
  std::vector<Counted>& counted = of(quantity);
  for (std::size_t i = 0; i < counted.size() && reserved.amount > 0; ++i) {
    CoreBudget::Account& account = counted[i].account;
    CoreBudget::Taken taken = co_await budget_.reserve(account, counted[i].limits, reserved.amount);
    if (taken.near) static_cast<void>(tell(LimitNotice::Kind::near, account.key, *taken.near));
    if (taken.passed) keep_graver(reserved.passed, tell(LimitNotice::Kind::passed, account.key, *taken.passed));
    if (taken.full) reserved.refused = tell(LimitNotice::Kind::refused, account.key, *taken.full);
    for (std::size_t before = 0; before < i; ++before)
      budget_.give_back(counted[before].account, reserved.amount - taken.amount);
    reserved.amount = taken.amount;
  }
  co_return reserved;
}

LimitReached BudgetSubmitter::tell(LimitNotice::Kind kind, const MeterKey& key, const FullWindow& window) {
  LimitReached reached{.subject = key.subject, .name = key.name, .window = window};
  notice_(
      {.kind = kind, .limit = reached, .account = account_, .customer = customer_, .shadow = in_shadow(key.subject)});
  return reached;
}

}  // namespace

std::shared_ptr<Submitter> CoreLimits::open(const auth::Identity& identity) {
  const PolicyClass& chosen = *classes_->choose(identity).policy_class;
  const EffectiveLimits limits = effective_limits(chosen, identity);
  const std::span<const Limit> relay = classes_->relay_limits();
  if (limits.account.empty() && limits.device.empty() && limits.customer.empty() && relay.empty()) return nullptr;
  auto submitter = std::make_shared<BudgetSubmitter>(
      budget_, BudgetSubmitter::Names{.account = identity.account_name, .customer = identity.customer_name},
      chosen.shadow, notice_);
  if (identity.device != nullptr)
    submitter->count(Subject::device, identity.account_name + "/" + identity.device->name, limits.device);
  submitter->count(Subject::account, identity.account_name, limits.account);
  submitter->count(Subject::customer, identity.customer_name, limits.customer);
  submitter->count(Subject::relay, std::string(kWholeRelay), relay);
  return submitter;
}

std::shared_ptr<Submitter> CoreLimits::open(const TrustedNetwork& network) {
  const PolicyClass* const chosen = network.policy_class.empty() ? nullptr : classes_->find(network.policy_class);
  const std::span<const Limit> relay = classes_->relay_limits();
  const std::span<const Limit> own = chosen == nullptr ? std::span<const Limit>() : chosen->network_limits;
  if (own.empty() && relay.empty()) return nullptr;
  auto submitter = std::make_shared<BudgetSubmitter>(budget_, BudgetSubmitter::Names{},
                                                     chosen != nullptr && chosen->shadow, notice_);
  submitter->count(Subject::network, network.listener, own);
  submitter->count(Subject::relay, std::string(kWholeRelay), relay);
  return submitter;
}

}  // namespace sluice::policy
