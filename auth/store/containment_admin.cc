#include "auth/store/containment_admin.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/store/domain_owner.h"
#include "auth/store/known_names.h"
#include "auth/store/store_schema.h"
#include "auth/store/store_values.h"
#include "auth/text.h"
#include "engine/base/network.h"

namespace sluice::auth {
namespace {

constexpr std::array<std::string_view, 3> kKindNames{"account", "customer", "network"};
// A shorter prefix is a slip of the hand: it would shut out everybody.
constexpr unsigned kIpv4BitsMin = 8;
constexpr unsigned kIpv6BitsMin = 16;
constexpr std::string_view kDead = "contained";

std::unexpected<StoreError> wrong_name(StoreError::Kind kind, std::string what) {
  return store_error(kind, std::move(what));
}

ContainedKind contained_kind_of(std::string_view name) {
  if (name == "customer") return ContainedKind::customer;
  return name == "network" ? ContainedKind::network : ContainedKind::account;
}

ContainmentRecord record_of(const Row& row) {
  return {.id = row.integer(0),
          .kind = contained_kind_of(row.text(1)),
          .subject = row.text(2),
          .status = status_from_store(row.integer(3)),
          .reason = row.text(4),
          .actor = row.text(5),
          .created = row.integer(6)};
}

StoreResult<ContainedSubject> contained_network(const std::string& text) {
  const auto network = Network::parse(text);
  if (!network)
    return wrong_name(StoreError::Kind::invalid, absl::StrCat("network ", in_quotes(text), " ", network.error()));
  const unsigned least = network->is_ipv4() ? kIpv4BitsMin : kIpv6BitsMin;
  if (network->prefix_bits() < least)
    return wrong_name(StoreError::Kind::refused,
                      absl::StrCat("network ", in_quotes(text), " is too large to be contained: give one of /", least,
                                   " or smaller"));
  return ContainedSubject{.kind = ContainedKind::network, .name = network->to_string()};
}

}  // namespace

std::string_view contained_kind_name(ContainedKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

StoreResult<std::unique_ptr<ContainmentAdmin>> ContainmentAdmin::open(const StoreAddress& address) {
  auto database = open_store(address, IfMissing::fail, kAdminWaits);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<ContainmentAdmin>(new ContainmentAdmin(*std::move(database)));
}

ContainmentAdmin::~ContainmentAdmin() { static_cast<void>(database_->settle()); }

// ------------------------------------------------------------------------------------------ names

StoreResult<ContainedSubject> ContainmentAdmin::find(const std::string& name, std::optional<ContainedKind> kind) {
  if (kind == ContainedKind::network) return contained_network(name);
  if (!kind && Network::parse(name)) return contained_network(name);
  const auto customer =
      kind == ContainedKind::account ? StoreResult<std::optional<std::string>>() : customer_named(name);
  if (!customer) return std::unexpected(customer.error());
  if (kind == ContainedKind::customer) {
    if (*customer) return ContainedSubject{.kind = ContainedKind::customer, .name = **customer};
    return no_such_customer(name);
  }
  auto account = find_account(name);
  if (!account && account.error().kind != StoreError::Kind::not_found) return account;
  // Of an account elsewhere the name alone is no proof that there is one: it has to be said.
  const bool known = account && (kind || !account->elsewhere);
  if (known && *customer)
    return wrong_name(StoreError::Kind::refused,
                      absl::StrCat(in_quotes(name), " is both an account and a customer; say which is meant, with ",
                                   "--account or --customer in front of it"));
  if (known) return account;
  if (*customer) return ContainedSubject{.kind = ContainedKind::customer, .name = **customer};
  if (kind) return account;
  return wrong_name(StoreError::Kind::not_found, absl::StrCat(in_quotes(name), " is no account, customer or network"));
}

// One that the store has itself, one that it has device passwords of, or one in a customer's domain.
StoreResult<ContainedSubject> ContainmentAdmin::find_account(const std::string& name) {
  const auto stored = stored_account_name(name);
  if (!stored) return wrong_name(StoreError::Kind::not_found, stored.error().what);
  std::int64_t here = 0;
  std::int64_t devices = 0;
  StoreResult<> read = database_->query(
      "SELECT (SELECT count(*) FROM account WHERE name = $1), (SELECT count(*) FROM device WHERE account = $1)",
      {*stored}, [&](const Row& row) {
        here = row.integer(0);
        devices = row.integer(1);
      });
  if (!read) return std::unexpected(read.error());
  ContainedSubject subject{.kind = ContainedKind::account, .name = *stored, .elsewhere = here == 0};
  if (here + devices > 0) return subject;
  const auto owner = owner_of_domain(*database_, login_domain(*stored));
  if (!owner) return std::unexpected(owner.error());
  if (owner->has_value()) return subject;
  return wrong_name(
      StoreError::Kind::not_found,
      absl::StrCat("there is no account ", in_quotes(name),
                   " in the store, and no customer has its domain; see them with: sluicectl account list"));
}

StoreResult<std::optional<std::string>> ContainmentAdmin::customer_named(const std::string& name) {
  std::optional<std::string> found;
  StoreResult<> read = database_->query({"SELECT name FROM customer WHERE name = $1",
                                         "SELECT name FROM customer WHERE lower(name) = lower($1 COLLATE \"C\")"},
                                        {name}, [&](const Row& row) { found = row.text(0); });
  if (!read) return std::unexpected(read.error());
  return found;
}

StoreResult<std::vector<std::string>> ContainmentAdmin::names(std::size_t max) {
  std::vector<std::string> names;
  const auto add = [&names](const Row& row) { names.push_back(row.text(0)); };
  const auto most = static_cast<std::int64_t>(max);
  StoreResult<> read = database_->query("SELECT name FROM account ORDER BY name LIMIT $1", {most}, add);
  if (read) read = database_->query("SELECT name FROM customer ORDER BY name LIMIT $1", {most}, add);
  if (!read) return std::unexpected(read.error());
  return names;
}

// ------------------------------------------------------------------------------------------ changes

StoreResult<std::optional<ContainmentRecord>> ContainmentAdmin::in_force(const ContainedSubject& subject) {
  std::optional<ContainmentRecord> record;
  StoreResult<> read = database_->query(
      "SELECT id, kind, subject, status, reason, actor, created_ms FROM containment"
      " WHERE kind = $1 AND subject = $2 AND released_ms IS NULL",
      {contained_kind_name(subject.kind), subject.name}, [&](const Row& row) { record = record_of(row); });
  if (!read) return std::unexpected(read.error());
  return record;
}

StoreResult<ContainmentAdmin::Status> ContainmentAdmin::status_of(const ContainedSubject& subject) {
  Status status;
  const auto take = [&status](const Row& row) { status = {.status = row.integer(0), .reason = row.text(1)}; };
  StoreResult<> read;
  if (subject.kind == ContainedKind::account)
    read = database_->query("SELECT status, reason FROM account WHERE name = $1", {subject.name}, take);
  if (subject.kind == ContainedKind::customer)
    read = database_->query("SELECT status, reason FROM customer WHERE name = $1", {subject.name}, take);
  if (!read) return std::unexpected(read.error());
  return status;
}

StoreResult<> ContainmentAdmin::set_status(const ContainedSubject& subject, const Status& status) {
  if (subject.kind == ContainedKind::account)
    return database_->run("UPDATE account SET status = $1, reason = $2 WHERE name = $3",
                          {status.status, status.reason, subject.name});
  if (subject.kind == ContainedKind::customer)
    return database_->run("UPDATE customer SET status = $1, reason = $2 WHERE name = $3",
                          {status.status, status.reason, subject.name});
  return {};
}

// Keys for SCRAM along with the hash: those of the password before would still let it log in.
StoreResult<> ContainmentAdmin::kill_passwords(const Order& order, Done& done) {
  if (order.dead == nullptr || order.subject.kind == ContainedKind::network) return {};
  std::optional<std::string> scram;
  std::optional<std::int64_t> iterations;
  if (order.dead->scram) {
    scram = scram_text(*order.dead->scram);
    iterations = order.dead->scram->iterations;
  }
  const bool one = order.subject.kind == ContainedKind::account;
  StoreResult<> killed = database_->query(
      "SELECT count(*) FROM device d JOIN customer c ON c.id = d.customer"
      " WHERE d.dead = '' AND (d.account = $1 OR c.name = $2)",
      {one ? std::string_view(order.subject.name) : "", one ? "" : std::string_view(order.subject.name)},
      [&](const Row& row) { done.devices = row.integer(0); });
  constexpr Sql kRenewOfAccount{
      "UPDATE account SET password_hash = $1, password_set_ms = $2, scram = $3, scram_iterations = $4"
      " WHERE name = $5"};
  constexpr Sql kRenewOfCustomer{
      "UPDATE account SET password_hash = $1, password_set_ms = $2, scram = $3, scram_iterations = $4"
      " WHERE customer = (SELECT id FROM customer WHERE name = $5)"};
  if (killed)
    killed = database_->run(
        one ? kRenewOfAccount : kRenewOfCustomer,
        {order.dead->hash, order.now, Bound::or_null(scram), Bound::or_null(iterations), order.subject.name});
  if (killed) done.accounts = database_->rows_changed();
  constexpr Sql kKillDevicesOfAccount{"UPDATE device SET dead = $1 WHERE dead = '' AND account = $2"};
  constexpr Sql kKillDevicesOfCustomer{
      "UPDATE device SET dead = $1 WHERE dead = '' AND customer = (SELECT id FROM customer WHERE name = $2)"};
  if (killed)
    killed = database_->run(one ? kKillDevicesOfAccount : kKillDevicesOfCustomer, {kDead, order.subject.name});
  return killed;
}

StoreResult<> ContainmentAdmin::write(const Order& order, const std::optional<ContainmentRecord>& before, Done& done) {
  if (before) {
    done.id = before->id;
    return database_->run("UPDATE containment SET status = $1, reason = $2, actor = $3 WHERE id = $4",
                          {stored_status(order.status), order.reason, order.actor, before->id});
  }
  const StoreResult<Status> was = status_of(order.subject);
  if (!was) return std::unexpected(was.error());
  return database_->query(
      "INSERT INTO containment (kind, subject, status, reason, actor, created_ms, was_status, was_reason)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
      {contained_kind_name(order.subject.kind), order.subject.name, stored_status(order.status), order.reason,
       order.actor, order.now, was->status, was->reason},
      [&](const Row& row) { done.id = row.integer(0); });
}

StoreResult<ContainmentAdmin::Done> ContainmentAdmin::contain(const Order& order) {
  const auto reason = stored_reason(order.reason);
  if (!reason) return std::unexpected(reason.error());
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const auto before = in_force(order.subject);
  if (!before) return std::unexpected(before.error());
  Done done{.before = before->has_value()};
  // What is suspended does not become less by another step, and keeps its reason where none is given.
  Order now = order;
  if (*before) now.status = std::max(now.status, (*before)->status);
  if (*before && now.reason.empty()) now.reason = (*before)->reason;
  StoreResult<> written = write(now, *before, done);
  if (written) written = set_status(now.subject, {.status = stored_status(now.status), .reason = now.reason});
  if (written) written = kill_passwords(now, done);
  if (written) written = (*transaction)->commit();
  if (!written) return std::unexpected(written.error());
  return done;
}

StoreResult<std::optional<ContainmentRecord>> ContainmentAdmin::release(const ContainedSubject& subject,
                                                                        const std::string& actor, WallMillis now) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  auto before = in_force(subject);
  if (!before || !*before) return before;
  Status was;
  StoreResult<> done =
      database_->query("SELECT was_status, was_reason FROM containment WHERE id = $1", {(*before)->id},
                       [&](const Row& row) { was = {.status = row.integer(0), .reason = row.text(1)}; });
  if (done) done = set_status(subject, was);
  if (done)
    done = database_->run("UPDATE containment SET released_ms = $1, released_by = $2 WHERE id = $3",
                          {now, actor, (*before)->id});
  if (done) done = (*transaction)->commit();
  if (!done) return std::unexpected(done.error());
  return before;
}

StoreResult<std::vector<ContainmentRecord>> ContainmentAdmin::list() {
  std::vector<ContainmentRecord> records;
  StoreResult<> read = database_->query(
      "SELECT id, kind, subject, status, reason, actor, created_ms FROM containment"
      " WHERE released_ms IS NULL ORDER BY id",
      {}, [&](const Row& row) { records.push_back(record_of(row)); });
  if (!read) return std::unexpected(read.error());
  return records;
}

StoreResult<> refuse_contained(Database& database, ContainedKind kind, std::string_view subject) {
  bool contained = false;
  StoreResult<> read =
      database.query("SELECT 1 FROM containment WHERE kind = $1 AND lower(subject) = $2 AND released_ms IS NULL",
                     {contained_kind_name(kind), ascii_lower(subject)}, [&](const Row&) { contained = true; });
  if (!read || !contained) return read;
  return store_error(StoreError::Kind::refused,
                     absl::StrCat(std::string(contained_kind_name(kind)), " ", in_quotes(subject),
                                  " is contained; lift that with: sluicectl release"));
}

}  // namespace sluice::auth
