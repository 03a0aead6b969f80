// What a process goes on from, and leaves to the next: files in server.state_dir.
#include "engine/io/real_platform.h"
#include "engine/server/server.h"

namespace sluice::server {

// What earlier processes have used of the limits.
std::expected<void, std::vector<std::string>> Server::open_budgets() {
  budgets_ = std::make_unique<policy::Budgets>(*clock_, static_cast<std::uint32_t>(threads_.size()));
  if (plan_->cluster) budgets_->join_cluster();
  event::Emitter& events = dispatcher_->open();
  const std::string file = plan_->config.server.state_dir + "/budgets";
  journal_ = std::make_unique<policy::Journal>(budgets_->shared, budgets_->clock, file,
                                               [&events, file](const std::string& fault) {
                                                 if (fault.empty()) {
                                                   events.emit(event::LimitsRecorded{.file = file});
                                                 } else {
                                                   events.emit(event::LimitsNotRecorded{.reason = fault});
                                                 }
                                               });
  const auto opened = journal_->open();
  if (!opened) return failed("server.state_dir: " + opened.error());
  if (opened->records == 0) return {};
  const auto held = [&opened](policy::Quantity quantity) {
    return opened->remainder.amount[static_cast<std::size_t>(quantity)];
  };
  events_->emit(event::LimitsRestored{.records = opened->records,
                                      .meters = opened->remainder.meters,
                                      .recipients = held(policy::Quantity::recipients),
                                      .messages = held(policy::Quantity::messages),
                                      .damaged_bytes = opened->damaged_bytes},
                opened->damaged_bytes > 0 ? event::Severity::warning : event::Severity::info);
  return {};
}

// What earlier processes have noticed of accounts.  Without it the relay starts all the same: mail must go on.
void Server::open_noticed() {
  event::Emitter& events = dispatcher_->open();
  const std::string file = plan_->config.server.state_dir + "/noticed";
  policy::PolicyClock& clock = budgets_->clock;
  watch_journal_ = std::make_unique<noticing::WatchJournal>([&clock] { return clock.now(); }, file,
                                                            [&events, file](const std::string& fault) {
                                                              if (fault.empty()) {
                                                                events.emit(event::NoticedRecorded{.file = file});
                                                              } else {
                                                                events.emit(event::NoticedNotRecorded{.reason = fault});
                                                              }
                                                            });
  noticing::AccountWatch::Key fresh;
  io::make_real_random()->fill(fresh);
  auto opened = watch_journal_->open(fresh, std::chrono::milliseconds(clock.at(Instant())), plan_->classes->watched());
  watch_ = std::move(opened.watch);
  const bool damaged = !opened.fault.empty() || opened.damaged_bytes > 0;
  if (opened.restored.accounts == 0 && !damaged) return;
  events_->emit(event::NoticedRestored{.accounts = opened.restored.accounts,
                                       .held = opened.restored.held,
                                       .damaged_bytes = opened.damaged_bytes,
                                       .reason = opened.fault},
                damaged ? event::Severity::warning : event::Severity::info);
}

std::string Server::orders_file() const { return plan_->config.server.state_dir + "/destination_orders"; }

// What operators have ordered about destinations.  Without it the relay starts all the same, and says so.
void Server::open_orders() {
  LoadedOrders loaded = load_orders(orders_file(), clock_->now(), clock_->wall());
  orders_ = std::move(loaded.orders);
  const bool damaged = loaded.damaged > 0 || !loaded.fault.empty();
  if (orders_.empty() && !damaged) return;
  events_->emit(
      event::DestinationOrdersRestored{
          .orders = orders_.size(), .damaged_lines = loaded.damaged, .reason = loaded.fault},
      damaged ? event::Severity::warning : event::Severity::info);
}

// All that happens to messages.  Its directory is made by its thread: mail waits for nothing of it.
void Server::open_trace() {
  const config::TraceConfig& trace = plan_->config.trace;
  if (trace.directory.empty()) return;
  trace_disk_ = io::make_real_disk();
  trace_ = std::make_unique<trace::Trace>(
      trace::TraceOptions{
          .directory = trace.directory,
          .limits = {.days = trace.days, .bytes_max = trace.bytes_max, .free_bytes_min = trace.free_bytes_min}},
      *clock_, *trace_disk_, *dispatcher_);
}

}  // namespace sluice::server
