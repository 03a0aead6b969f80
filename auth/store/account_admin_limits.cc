// The part of AccountAdmin about policy classes and overrides of their limits.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/store/account_admin.h"
#include "auth/store/known_names.h"
#include "auth/store/store_values.h"

namespace sluice::auth {
namespace {

struct OverrideTexts {
  Sql remove;
  Sql write;
};
constexpr OverrideTexts kOfAccount{
    .remove = "DELETE FROM limit_override WHERE account = $1 AND quantity = $2 AND span = $3",
    .write =
        "INSERT INTO limit_override (account, quantity, span, amount) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (account, quantity, span) DO UPDATE SET amount = excluded.amount"};
constexpr OverrideTexts kOfCustomer{
    .remove = "DELETE FROM limit_override WHERE customer = $1 AND quantity = $2 AND span = $3",
    .write =
        "INSERT INTO limit_override (customer, quantity, span, amount) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (customer, quantity, span) DO UPDATE SET amount = excluded.amount"};

StoreResult<> check_change(const LimitChange& change) {
  if (!change.amount || (*change.amount >= 1 && *change.amount <= kLimitAmountMax)) return {};
  return store_error(StoreError::Kind::invalid, absl::StrCat("a limit is 1 to ", kLimitAmountMax));
}

StoreResult<> write_changes(Database& database, const OverrideTexts& texts, std::int64_t id,
                            std::span<const LimitChange> changes) {
  for (const LimitChange& change : changes) {
    const std::string_view quantity = quantity_name(change.quantity);
    const std::string_view span = span_name(change.span);
    StoreResult<> written = check_change(change);
    if (written && change.amount)
      written = database.run(texts.write, {id, quantity, span, static_cast<std::int64_t>(*change.amount)});
    else if (written)
      written = database.run(texts.remove, {id, quantity, span});
    if (!written) return written;
  }
  return {};
}

bool overrides_in_order(const LimitOverride& a, const LimitOverride& b) {
  return std::tie(a.quantity, a.span) < std::tie(b.quantity, b.span);
}

// `sql` has a name, or none for all, and gives name, quantity, span and amount.
template <typename Record>
StoreResult<> add_overrides(Database& database, Sql sql, std::vector<Record>& records) {
  std::map<std::string_view, Record*> by_name;
  for (Record& record : records) by_name.emplace(record.name, &record);
  std::optional<std::string_view> name;
  if (records.size() == 1) name = records.front().name;
  StoreResult<> read = database.query(sql, {Bound::or_null(name)}, [&](const Row& row) {
    const auto found = by_name.find(row.text(0));
    const auto quantity = parse_quantity(row.text(1));
    const auto span = parse_span(row.text(2));
    if (found == by_name.end() || !quantity || !span) return;
    found->second->overrides.push_back(
        {.quantity = *quantity, .span = *span, .amount = static_cast<std::uint64_t>(row.integer(3))});
  });
  for (Record& record : records) std::ranges::sort(record.overrides, overrides_in_order);
  return read;
}

}  // namespace

StoreResult<> AccountAdmin::set_customer_class(std::string_view name, std::string_view policy_class) {
  const StoreResult<std::string> stored = stored_class(policy_class);
  if (!stored) return std::unexpected(stored.error());
  const StoreResult<std::int64_t> id = customer_of_name(*database_, name);
  if (!id) return std::unexpected(id.error());
  return database_->run("UPDATE customer SET class = $1 WHERE id = $2 AND class <> $1", {*stored, *id});
}

StoreResult<> AccountAdmin::set_account_class(std::string_view name, std::string_view policy_class) {
  const StoreResult<std::string> stored = stored_class(policy_class);
  if (!stored) return std::unexpected(stored.error());
  const StoreResult<std::int64_t> id = account_id(name);
  if (!id) return std::unexpected(id.error());
  return database_->run("UPDATE account SET class = $1 WHERE id = $2 AND class <> $1", {*stored, *id});
}

StoreResult<> AccountAdmin::change_customer_limits(std::string_view name, std::span<const LimitChange> changes) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const StoreResult<std::int64_t> id = customer_of_name(*database_, name);
  if (!id) return std::unexpected(id.error());
  StoreResult<> written = write_changes(*database_, kOfCustomer, *id, changes);
  return written ? (*transaction)->commit() : written;
}

StoreResult<> AccountAdmin::change_account_limits(std::string_view name, std::span<const LimitChange> changes) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const StoreResult<std::int64_t> id = account_id(name);
  if (!id) return std::unexpected(id.error());
  StoreResult<> written = write_changes(*database_, kOfAccount, *id, changes);
  return written ? (*transaction)->commit() : written;
}

StoreResult<> AccountAdmin::read_overrides(std::vector<CustomerRecord>& records) {
  return add_overrides(*database_,
                       "SELECT c.name, o.quantity, o.span, o.amount FROM limit_override o"
                       " JOIN customer c ON c.id = o.customer WHERE $1 IS NULL OR c.name = $1",
                       records);
}

StoreResult<> AccountAdmin::read_overrides(std::vector<AccountRecord>& records) {
  return add_overrides(*database_,
                       "SELECT a.name, o.quantity, o.span, o.amount FROM limit_override o"
                       " JOIN account a ON a.id = o.account WHERE $1 IS NULL OR a.name = $1",
                       records);
}

}  // namespace sluice::auth
