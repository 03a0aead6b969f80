#include "engine/cli/trace_run.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

#include "engine/base/lru_map.h"
#include "engine/cli/accounts.h"
#include "engine/cli/trace.h"
#include "engine/cli/trace_count.h"
#include "engine/cli/trace_privacy.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

// Prints messages as they are found, each event once.
class TracePrinter {
 public:
  TracePrinter(const TraceCommand& command, const TraceWorld& world) : command_(command), world_(world) {}

  bool print(const trace::TracedMessage& message) {
    if (++printed_ > command_.limit && !following_) {
      world_.err << "sluicectl: there are more than " << command_.limit << "; see --limit and --all\n";
      return false;
    }
    std::size_t from = 0;
    if (command_.follow && !message.id.empty()) {
      constexpr std::size_t kIdsMax = 65'536;
      if (std::size_t* const shown = shown_.find(message.id)) {
        from = std::exchange(*shown, message.events.size());
      } else {
        shown_.make_room(kIdsMax);
        shown_.insert(message.id, message.events.size());
      }
    }
    if (from >= message.events.size()) return true;
    world_.out << (command_.json ? trace_json(message, from) : trace_text(message, from, command_.time));
    if (following_) world_.out.flush();
    return world_.out.good();
  }
  void begin_following() {
    following_ = true;
    world_.out.flush();
  }
  [[nodiscard]] bool printed_any() const { return printed_ > 0; }
  // Faults that were not reported yet.
  void report_faults(const std::vector<std::string>& faults) {
    for (const std::string& fault : faults)
      if (faults_reported_.insert(fault).second) world_.err << "sluicectl: " << text::printable(fault) << "\n";
  }

 private:
  const TraceCommand& command_;
  const TraceWorld& world_;
  std::uint64_t printed_ = 0;
  bool following_ = false;
  LruMap<std::size_t> shown_;  // of ids: how many events
  std::set<std::string, std::less<>> faults_reported_;
};

// A name that is mistyped is not one without mail. It is no error either: the trace has mail of names that are gone.
void report_unknown_names(const trace::Query& query, const TraceWorld& world) {
  for (const trace::KeyCondition& each : query.keys) {
    if (each.kind != trace::KeyKind::account && each.kind != trace::KeyKind::customer) continue;
    const std::string fault = world.name_fault(each);
    if (!fault.empty()) world.err << "sluicectl: nothing was found: " << text::printable(fault) << "\n";
  }
}

}  // namespace

int run_trace_command(const TraceCommand& command, const TraceWorld& world) {
  trace::Query query = command.query;
  if (!command.since.empty()) query.since = parse_moment(command.since, world.now).value_or(query.since);
  if (!command.until.empty()) query.until = parse_moment(command.until, world.now).value_or(query.until);
  if (query.since > query.until) {
    world.err << "sluicectl: trace: --since is after --until\n";
    return kExitUsage;
  }
  for (const std::string& note : hide_addresses(query, world.privacy))
    world.err << "sluicectl: " << text::printable(note) << "\n";
  auto search = trace::TraceSearch::open(world.disk, world.directory, query);
  if (!search) {
    world.err << "sluicectl: " << text::printable(search.error()) << "\n";
    return kCtlFailed;
  }
  TracePrinter printer(command, world);
  const auto print = [&printer](const trace::TracedMessage& message) { return printer.print(message); };
  if (!command.by.empty()) {
    TraceCounts counts(command.by, query);
    search->run([&counts](const trace::TracedMessage& message) {
      counts.add(message);
      return true;
    });
    printer.report_faults(search->faults());
    if (counts.empty()) report_unknown_names(query, world);
    if (counts.left_out() > 0)
      world.err << "sluicectl: only the first " << TraceCounts::kValuesMax << " are counted; " << counts.left_out()
                << " times another was met: ask for less with --since or another condition\n";
    world.out << counts.print(command.top, command.json);
    return kCtlDone;
  }
  search->run(print);
  printer.report_faults(search->faults());
  if (!printer.printed_any()) report_unknown_names(query, world);
  if (!command.follow) return kCtlDone;
  printer.begin_following();
  while (world.out.good() && world.wait()) {
    if (const auto followed = search->follow(print); !followed) {
      world.err << "sluicectl: " << text::printable(followed.error()) << "\n";
      return kCtlFailed;
    }
    printer.report_faults(search->faults());
  }
  return kCtlDone;
}

}  // namespace sluice::cli
