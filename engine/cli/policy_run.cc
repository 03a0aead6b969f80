#include "engine/cli/policy_run.h"

#include <memory>
#include <ostream>
#include <utility>

#include "auth/store/account_admin.h"
#include "engine/cli/policy_accounts.h"
#include "engine/cli/policy_report.h"
#include "engine/cli/progress.h"
#include "engine/text/table_text.h"
#include "policy/replay/replay.h"

namespace sluice::cli {
namespace {

// Null: there is no store, so that nothing is known of the accounts.
auth::StoreResult<std::unique_ptr<auth::AccountAdmin>> store_of(const AccountCommandWorld& world) {
  const auto address = world.stores.find("");
  if (!address) return auth::store_error(auth::StoreError::Kind::failed, address.error());
  if (const auto entered = world.stores.enter(*address); !entered) {
    // A file that is not there has no owner.
    const auto missing = auth::check_store(*address);
    if (!missing && missing.error().kind == auth::StoreError::Kind::not_found) return nullptr;
    return auth::store_error(auth::StoreError::Kind::failed, entered.error());
  }
  auto store = auth::AccountAdmin::open(*address, auth::IfMissing::fail, world.hash_cost);
  if (!store && store.error().kind == auth::StoreError::Kind::not_found) return nullptr;
  return store;
}

int fail_policy_run(const AccountCommandWorld& world, const std::string& fault) {
  world.err << "sluicectl: " << text::printable(fault) << "\n";
  return kCtlFailed;
}

int replay_logs(const PolicyCommand& command, PolicyTrial& trial, const AccountCommandWorld& world,
                PolicyAccounts& accounts) {
  EventLogs logs(std::move(trial.files));
  policy::Replay replay(
      {.classes = trial.classes,
       .identify = [&accounts](const std::string& account,
                               const std::string& customer) { return accounts.identify(account, customer); },
       .network_class = trial.network_class});
  {
    Progress progress(world, "replayed", 0);
    while (const auto event = logs.next()) {
      replay.add(*event);
      progress.at(static_cast<std::size_t>(logs.counts().lines));
    }
  }
  if (!logs.fault().empty()) return fail_policy_run(world, logs.fault());
  if (!accounts.fault().empty()) return fail_policy_run(world, accounts.fault());
  const EventLogs::Counts& counts = logs.counts();
  if (counts.malformed > 0)
    world.err << "sluicectl: " << counts.malformed << " of " << counts.lines
              << " lines could not be read, the first is " << text::printable(counts.first_malformed) << "\n";
  if (counts.lines > 0 && counts.malformed == counts.lines)
    return fail_policy_run(world, "the log is to be one of log.format \"json\"");
  world.out << render_replay(command, counts, replay);
  return kCtlDone;
}

int test_message(const PolicyCommand& command, const PolicyTrial& trial, const AccountCommandWorld& world,
                 PolicyAccounts& accounts) {
  auth::IdentityRef identity = accounts.identify(command.account, command.customer);
  if (!accounts.fault().empty()) return fail_policy_run(world, accounts.fault());
  if (accounts.is_unknown() && command.customer.empty())
    world.err << "sluicectl: the store has no account " << text::printable(command.account)
              << ", so that it is taken for one without a customer, class and limits of its own; --customer says whose "
                 "one of another back end is\n";
  policy::Replay replay({.classes = trial.classes,
                         .identify = [&identity](const std::string&, const std::string&) { return identity; },
                         .network_class = trial.network_class});
  policy::RecordedMessage message{.at = world.clock.wall(),
                                  .id = "test",
                                  .client = command.client,
                                  .customer = identity->customer_name,
                                  .account = command.account,
                                  .recipients = command.recipients,
                                  .recipients_taken = command.recipients,
                                  .bytes = command.bytes};
  for (std::uint32_t i = 0; i < command.recipients; ++i)
    message.to.push_back("recipient" + std::to_string(i) + "@policy-test.invalid");
  const policy::Judgement judgement = replay.judge(message);
  world.out << render_policy_test(command, {.identity = *identity,
                                            .class_source = accounts.class_source(),
                                            .classes = trial.classes,
                                            .judgement = judgement});
  return kCtlDone;
}

}  // namespace

int run_policy_command(const PolicyCommand& command, PolicyTrial trial, const AccountCommandWorld& world) {
  if (!command.policy_class.empty() && trial.classes.find(command.policy_class) == nullptr) {
    std::string known;
    for (const policy::PolicyClass& each : trial.classes.all())
      known.append(known.empty() ? "" : ", ").append(each.name);
    return fail_policy_run(world,
                           "there is no class " + command.policy_class + " in the configuration; it has: " + known);
  }
  const auto store = store_of(world);
  if (!store) return fail_policy_run(world, store.error().what);
  if (*store == nullptr)
    world.err << "sluicectl: there is no store of accounts: each has the class of --class, else policy.default_class\n";
  const bool replays = command.verb == PolicyCommand::Verb::replay;
  using GivenClass = PolicyAccounts::GivenClass;
  PolicyAccounts accounts(store->get(), command.policy_class, replays ? GivenClass::of_others : GivenClass::of_all);
  return replays ? replay_logs(command, trial, world, accounts) : test_message(command, trial, world, accounts);
}

}  // namespace sluice::cli
