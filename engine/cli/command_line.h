// The command lines of sluice and sluicectl, read into values.  Pure; any thread.
// What is to be printed and the exit status are values too: the programs' main functions only carry
// them out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/moment.h"
#include "engine/cli/view_options.h"
#include "engine/trace/search.h"

namespace sluice::cli {

inline constexpr std::string_view kDefaultConfigFile = "/etc/sluice/sluice.toml";
inline constexpr int kExitUsage = 2;
// Of sluicectl, for each step of a dialog with the relay, where --timeout is not given; behind queue the relay may have
// to read a million messages.
inline constexpr int kTimeoutS = 10;
inline constexpr int kQueueTimeoutS = 600;
// Behind notify it waits for webhooks and for a mail server.
inline constexpr int kNotifyTimeoutS = 300;

struct SluiceCommand {
  enum class Kind : std::uint8_t {
    serve,
    check,
    certificate,  // make a self-signed one for `names` in `directory`
    print,        // `text` to standard output, exit 0: the example, keys, events, help, version
    error,        // `text` to standard error, exit kExitUsage
  };
  Kind kind = Kind::error;
  std::string config_file{kDefaultConfigFile};
  std::string directory;
  std::vector<std::string> names;
  std::string text;
};

// What sluicectl does with a spool by itself, while no relay has it open or beside one that has.
struct SpoolCommand {
  enum class Verb : std::uint8_t {
    dump,   // print every record
    check,  // say what is wrong in it
  };
  Verb verb = Verb::check;
  std::string directory;  // empty: as the configuration says
  bool json = false;
};

// What sluicectl looks at in the certificates of the hosts, in their files.
struct HostCommand {
  enum class Verb : std::uint8_t {
    list,   // print every pair
    check,  // say what is wrong
  };
  Verb verb = Verb::check;
  std::string host;         // empty: all
  std::string directory;    // empty: as the configuration says
  std::uint32_t days = 14;  // what expires within so many is wrong
  bool json = false;
  std::optional<TimeForm> time = {};  // of a list; absent: days, in UTC
};

// What is to be stopped, or let go on: see containment.h.
struct ContainmentCommand {
  enum class Verb : std::uint8_t { contain, release, suspend, hold };
  Verb verb = Verb::contain;
  std::string name;
  std::optional<std::uint8_t> kind = {};  // auth::ContainedKind; absent: what the name is
  std::string reason;
  bool json = false;
  bool with_mail = false;
  bool list = false;  // show what is contained
  TimeForm time = TimeForm::local;
};

// What a configuration is tried on: see policy.h.
struct PolicyCommand {
  enum class Verb : std::uint8_t { replay, test };
  Verb verb = Verb::replay;
  bool json = false;
  std::size_t limit = 0;           // so many senders are shown
  std::string policy_class;        // of accounts without one; empty: the default class
  std::vector<std::string> files;  // of the log; "-": standard input
  TimeForm time = TimeForm::iso;
  // The message that is tested.
  std::string account;
  std::string customer;
  std::string client;
  std::uint32_t recipients = 0;
  std::uint64_t bytes = 0;
};

// What is to be explained: see explain_run.h.
struct ExplainCommand {
  bool json = false;
  TimeForm time = TimeForm::iso;
  std::string id;
  std::string log;  // empty: ask the relay, then look where the configuration says; "-": standard input
};

// What is looked for in the trace: see trace_run.h.
struct TraceCommand {
  trace::Query query;  // without its times
  std::string since;   // as parse_moment() has it; empty: not given
  std::string until;
  std::uint64_t limit = 100;
  std::string by;  // count by that: see trace_count.h; empty: show the messages
  std::uint64_t top = 20;
  bool follow = false;
  bool json = false;
  TimeForm time = TimeForm::iso;
  std::string directory;  // empty: as the configuration says
};

// How the relay's answer, rows in JSON, is shown: see view_run.h.
struct ViewCommand {
  const View* view = nullptr;  // null: the three tables of usage
  bool usage = false;          // the answer is that of usage: `view` is one of its tables, or null
  bool as_it_is = false;       // the relay's JSON
  ViewOptions options;
};

struct SluicectlCommand {
  enum class Kind : std::uint8_t {
    ask,      // send `request` to the control socket, print the answer
    view,     // send `request`, show the answer as `view` says
    account,  // run_account_command() with `account_args`
    spool,    // do what `spool` says
    host,     // do what `host` says
    contain,  // run_containment_command() with `containment`
    policy,   // run_policy_command() with `policy`
    explain,  // run_explain_command() with `explain`
    trace,    // run_trace_command() with `trace`
    print,    // as above
    error,
  };
  Kind kind = Kind::error;
  // Where the control socket and the accounts are: as given here, else as the configuration says.
  std::string config_file{kDefaultConfigFile};
  bool config_given = false;  // with --config: a file that cannot be read is then an error
  std::string control;        // empty: not given
  std::string store;          // empty: not given
  int timeout_s = kTimeoutS;
  // "status", "pools json", "reload", or as in queue_request.h, sessions_request.h, shield_request.h; without a
  // newline.
  std::string request;
  ViewCommand view;
  SpoolCommand spool;
  HostCommand host;
  ContainmentCommand containment;
  PolicyCommand policy;
  ExplainCommand explain;
  TraceCommand trace;
  std::vector<std::string_view>
      account_args;  // begins with customer, domain, account or store; views of the words given
  std::string text;
};

// The words as main() gets them, the program's name first.  They outlive the result.
[[nodiscard]] SluiceCommand parse_sluice(int argc, const char* const* argv);
[[nodiscard]] SluicectlCommand parse_sluicectl(int argc, const char* const* argv);

}  // namespace sluice::cli
