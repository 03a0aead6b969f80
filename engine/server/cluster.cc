#include "engine/server/cluster.h"

#include <algorithm>
#include <string>

#include "engine/event/events.h"

namespace sluice::server {

void emit_shield_raised(event::Emitter& events, const auth::ShieldEntry& reached) {
  events.emit(event::ShieldRaised{.kind = auth::rule_name(reached.rule),
                                  .subject = reached.subject,
                                  .failures = reached.failures,
                                  .effect = auth::refuses(reached.rule) ? "refused" : "slowed"});
}

Cluster::Cluster(const policy::ClusterParts& parts, const policy::ClusterOptions& options, const SharedParts& shared,
                 event::Emitter& events, std::uint32_t core)
    : loop_(parts.loop),
      shared_(shared),
      events_(events),
      node_(options.node),
      local_share_(options.local_share),
      budget_(parts, options, [this](const policy::ClusterNotice& notice) { emit(notice); }),
      leases_({.loop = parts.loop,
               .shared = shared.budgets.shared,
               .cores = shared.budgets.cores,
               .link = *shared.budgets.upper,
               .upper = budget_,
               .core = core}) {
  if (options.key.empty()) return;
  shared_.shield.share();
  share_.emplace(parts, options, hooks());
  shared_.watch.news().set_wake([this] { loop_.post([this] { share_->wake(); }); });
  shared_.watch.share();
}

void Cluster::start() {
  tasks_.add(begin());
  if (share_) share_->start();
}

Task<void> Cluster::begin() {
  co_await leases_.restore();
  budget_.start();
  leases_.start();
}

Task<void> Cluster::close() {
  co_await tasks_.join("the cluster's beginning");
  shared_.watch.news().set_wake(nullptr);
  if (share_) co_await share_->close();
  co_await leases_.close();
  co_await budget_.close();
}

// ------------------------------------------------------------------------------------------ shield and steps

policy::ShareHooks Cluster::hooks() {
  return {.take_news = [this](std::size_t bytes_max) { return shared_.shield.take_news(bytes_max, loop_.now()); },
          .merge_news =
              [this](const auth::ShieldNews& news) {
                for (const auth::ShieldEntry& reached : shared_.shield.merge(news, loop_.now()))
                  emit_shield_raised(events_, reached);
              },
          .take_sending = [this](std::size_t bytes_max) { return shared_.watch.news().take(bytes_max, loop_.now()); },
          .merge_sending =
              [this](const noticing::SendingNews& news) {
                const noticing::WatchedClass* const by = shared_.watched_class(news.policy_class);
                if (by != nullptr) shared_.watch.merge(news, *by, loop_.now());
              },
          .on_step = [this](const policy::AccountStep& step, const std::string& node) { take_step(step, node); },
          .tell = [this](const policy::ShareNotice& notice) { emit_shared(notice); }};
}

void Cluster::publish(const std::string& account, noticing::Step step, Duration lasts, const std::string& reasons) {
  if (share_) share_->publish(account, step, lasts, reasons.empty() ? reasons : "noticed by " + node_ + ": " + reasons);
}

void Cluster::take_step(const policy::AccountStep& step, const std::string& node) {
  const Duration left = std::chrono::milliseconds(std::max<WallMillis>(0, step.until - loop_.platform().clock.wall()));
  if (step.step == noticing::Step::pass) {
    static_cast<void>(shared_.watch.release(step.account));
  } else {
    shared_.watch.impose(step.account, {.step = step.step, .until = later(loop_.now(), left), .reason = step.reason});
    if (step.step >= noticing::Step::hold) shared_.hold_queued(step.account, step.reason);
  }
  events_.emit(event::AccountStepShared{
      .account = step.account, .step = noticing::step_name(step.step), .node = node, .reasons = step.reason});
}

void Cluster::emit_shared(const policy::ShareNotice& notice) {
  using Kind = policy::ShareNotice::Kind;
  switch (notice.kind) {
    case Kind::alone:
    case Kind::unreadable:
      events_.emit(event::ClusterSharingFault{
          .reason = notice.reason,
          .effect = notice.kind == Kind::alone
                        ? "the shield and steps against accounts go on with what this relay knows"
                        : "what it tells of its shield and of accounts does not count here",
          .steps = notice.steps});
      return;
    case Kind::reachable:
      events_.emit(event::ClusterSharingBack{.effect = "what waited is told, and what others told is heard"});
      return;
    case Kind::data_lost:
      events_.emit(event::ClusterSharingLost{.effect = "steps against accounts are told anew", .steps = notice.steps});
      return;
  }
}

void Cluster::emit(const policy::ClusterNotice& notice) {
  using Kind = policy::ClusterNotice::Kind;
  const std::uint64_t recipients = notice.amount[static_cast<std::size_t>(policy::Quantity::recipients)];
  const std::uint64_t messages = notice.amount[static_cast<std::size_t>(policy::Quantity::messages)];
  switch (notice.kind) {
    case Kind::alone: {
      const std::string effect =
          "limits go on with what is held, and up to " + std::to_string(local_share_) + " percent of each";
      events_.emit(event::ClusterUnreachable{.reason = notice.reason,
                                             .effect = effect,
                                             .meters = notice.meters,
                                             .recipients = recipients,
                                             .messages = messages});
      return;
    }
    case Kind::reachable:
      events_.emit(event::ClusterBack{.effect = "what was spent meanwhile is reported"});
      return;
    case Kind::data_lost:
      events_.emit(event::ClusterDataLost{.effect = "nothing is leased until all relays had the time to report",
                                          .meters = notice.meters,
                                          .recipients = recipients,
                                          .messages = messages});
      return;
    case Kind::remainder:
      events_.emit(event::ClusterRemainder{.meters = notice.meters, .recipients = recipients, .messages = messages});
      return;
  }
}

}  // namespace sluice::server
