// The part of the embedded store that says whose account it is that another back end has granted.  An account of that
// name may be here as well: its status and what it is narrowed to then hold for it, as if the store had checked its
// password.
#include <utility>

#include "auth/store/domain_owner.h"
#include "auth/store/embedded_store.h"
#include "auth/store/store_schema.h"
#include "auth/store/store_values.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr const char* kNoCustomer = "this mailbox may not send mail here";

}  // namespace

Answer EmbeddedStore::identify(const Claim& claim) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return Answer::unavailable(failure(replaced()));
  auto answer = identify_locked(claim);
  return answer ? *std::move(answer) : Answer::unavailable(failure(answer.error()));
}

StoreResult<Answer> EmbeddedStore::identify_locked(const Claim& claim) {
  const std::string account = login_key(claim.account);
  auto id = customer_of(claim, login_domain(account));
  if (id && !id->has_value() && claim.unknown_customer == UnknownCustomer::create)
    id = create_customer(claim, login_domain(account));
  if (!id) return std::unexpected(id.error());
  if (!id->has_value()) return Answer::suspended(kNoCustomer);
  // One transaction: status and domains are to be of the same moment.
  auto transaction = Transaction::to_read(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const auto customer = customer_with(**id);
  if (!customer) return std::unexpected(customer.error());
  if (!customer->has_value()) return Answer::suspended(kNoCustomer);
  auto identity = std::make_shared<Identity>();
  identity->account_name = account;
  identity->customer_id = (*customer)->id;
  identity->customer_name = (*customer)->name;
  identity->customer_status = (*customer)->status;
  identity->reason = (*customer)->reason;
  identity->policy_class = identity->customer_class = (*customer)->policy_class;
  std::string account_reason;
  bool foreign = false;
  StoreResult<> read = read_account(identity->account_name, *identity, account_reason, foreign);
  if (!read) return std::unexpected(read.error());
  if (foreign) return Answer::suspended(kNoCustomer);
  if (!claim.domains.empty())
    identity->domains = memory_->shared_list(identity->customer_id, DomainList(claim.domains));
  if (identity->account_status == AccountStatus::suspended)
    return Answer::suspended(suspension_text(account_reason), std::move(identity));
  return unless_suspended(std::move(identity), (*customer)->reason);
}

StoreResult<std::optional<std::int64_t>> EmbeddedStore::customer_of(const Claim& claim, std::string_view domain) {
  return claim.customer_from == CustomerFrom::domain ? owner_of_domain(*database_, domain)
                                                     : customer_named(claim.customer);
}

StoreResult<std::optional<std::int64_t>> EmbeddedStore::customer_named(std::string_view name) {
  std::optional<std::int64_t> id;
  StoreResult<> read = database_->query(kCustomerOfName, {name}, [&](const Row& row) { id = row.integer(0); });
  if (!read) return std::unexpected(read.error());
  return id;
}

StoreResult<std::optional<EmbeddedStore::Customer>> EmbeddedStore::customer_with(std::int64_t id) {
  std::optional<Customer> customer;
  StoreResult<> read =
      database_->query("SELECT name, status, reason, class FROM customer WHERE id = $1", {id}, [&](const Row& row) {
        customer.emplace(Customer{.id = id,
                                  .name = row.text(0),
                                  .status = status_from_store(row.integer(1)),
                                  .reason = row.text(2),
                                  .policy_class = row.text(3)});
      });
  if (!read) return std::unexpected(read.error());
  return customer;
}

// With the domain of the login, unless another customer has it.  Its name is what the back end says, or that domain.
StoreResult<std::optional<std::int64_t>> EmbeddedStore::create_customer(const Claim& claim, std::string_view domain) {
  const std::string_view name = claim.customer_from == CustomerFrom::domain ? domain : std::string_view(claim.customer);
  if (!stored_customer_name(name)) return std::nullopt;
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  StoreResult<> done = database_->run("INSERT INTO customer (name, created_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                                      {name, claim.now});
  if (!done) return std::unexpected(done.error());
  const auto id = customer_named(name);
  if (!id || !id->has_value())
    return store_error(StoreError::Kind::failed, "a customer that was just made is not there");
  const auto entry = canonical_domain_entry(domain);
  const auto owner = entry ? owner_of_domain(*database_, *entry) : StoreResult<std::optional<std::int64_t>>();
  if (!owner) return std::unexpected(owner.error());
  if (entry && !owner->has_value()) {
    done = database_->run("INSERT INTO domain (name, customer, ownership, created_ms) VALUES ($1, $2, 'asserted', $3)",
                          {*entry, **id, claim.now});
    if (!done) return std::unexpected(done.error());
  }
  if (done = (*transaction)->commit(); !done) return std::unexpected(done.error());
  return id;
}

StoreResult<> EmbeddedStore::read_account(std::string_view name, Identity& identity, std::string& reason,
                                          bool& foreign) {
  bool narrowed = false;
  StoreResult<> read = database_->query(
      "SELECT id, status, reason, narrowed, customer, class FROM account WHERE name = $1", {name}, [&](const Row& row) {
        identity.account_id = row.integer(0);
        identity.account_status = status_from_store(row.integer(1));
        reason = row.text(2);
        narrowed = row.integer(3) != 0;
        foreign = row.integer(4) != identity.customer_id;
        if (!row.text(5).empty()) identity.policy_class = row.text(5);
      });
  if (read) read = read_containment(name, identity, reason);
  if (!read) return read;
  if (identity.account_status >= identity.customer_status && !reason.empty()) identity.reason = reason;
  if (read = read_domains(identity, narrowed); !read) return read;
  return read_overrides(identity);
}

}  // namespace sluice::auth
