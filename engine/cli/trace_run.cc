#include "engine/cli/trace_run.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/base/lru_map.h"
#include "engine/cli/accounts.h"
#include "engine/cli/trace.h"
#include "engine/cli/trace_count.h"
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
  // Faults that were not reported yet.
  void report_faults(const std::vector<std::string>& faults) {
    for (; faults_reported_ < faults.size(); ++faults_reported_)
      world_.err << "sluicectl: " << text::printable(faults[faults_reported_]) << "\n";
  }

 private:
  const TraceCommand& command_;
  const TraceWorld& world_;
  std::uint64_t printed_ = 0;
  bool following_ = false;
  LruMap<std::size_t> shown_;  // of ids: how many events
  std::size_t faults_reported_ = 0;
};

}  // namespace

int run_trace_command(const TraceCommand& command, const TraceWorld& world) {
  trace::Query query = command.query;
  if (!command.since.empty()) query.since = parse_moment(command.since, world.now).value_or(query.since);
  if (!command.until.empty()) query.until = parse_moment(command.until, world.now).value_or(query.until);
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
    world.out << counts.print(command.top, command.json);
    return kCtlDone;
  }
  search->run(print);
  printer.report_faults(search->faults());
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
