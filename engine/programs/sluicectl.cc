// sluicectl: asks a running relay, and keeps the accounts' file.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <thread>

#include "auth/backend/store_server.h"
#include "engine/cli/accounts.h"
#include "engine/cli/answer.h"
#include "engine/cli/command_line.h"
#include "engine/cli/containment.h"
#include "engine/cli/explain_run.h"
#include "engine/cli/hosts.h"
#include "engine/cli/listing.h"
#include "engine/cli/output.h"
#include "engine/cli/password.h"
#include "engine/cli/policy_run.h"
#include "engine/cli/spool.h"
#include "engine/cli/trace_privacy.h"
#include "engine/cli/trace_run.h"
#include "engine/cli/view_run.h"
#include "engine/config/file.h"
#include "engine/control/name_request.h"
#include "engine/event/log_key.h"
#include "engine/io/interrupt.h"
#include "engine/io/local_socket.h"
#include "engine/io/process.h"
#include "engine/io/real_platform.h"
#include "engine/text/escape.h"
#include "engine/text/table_text.h"

namespace {

using sluice::cli::SluicectlCommand;

constexpr int kExitFailed = 1;

struct Places {
  std::string control;
  sluice::config::StoreConfig store;
  sluice::cli::AccountSettings accounts;
  std::string spool;
  std::string certificates;
  std::string log;    // empty: not known
  std::string trace;  // empty: there is none
  // What the trace has of addresses; without the key.
  sluice::event::PrivacyOptions privacy;
  std::string state;
  // As whom the relay runs.
  std::string user;
  std::string group;
  // What is tried by policy.
  sluice::config::PolicyConfig policy;
  std::vector<sluice::config::ListenerConfig> listeners;
};

// The one that the command needs, where the command line names it; empty: it does not.
std::string_view named(const SluicectlCommand& command) {
  switch (command.kind) {
    case SluicectlCommand::Kind::account:
      return command.store;
    case SluicectlCommand::Kind::spool:
      return command.spool.directory;
    case SluicectlCommand::Kind::host:
      return command.host.directory;
    case SluicectlCommand::Kind::trace:
      return command.trace.directory;
    case SluicectlCommand::Kind::contain:
      // Both are needed.
      return command.store.empty() ? command.store : command.control;
    case SluicectlCommand::Kind::explain:
      // The log is in the configuration alone; a socket that was named is asked without one.
      return command.config_given ? std::string_view() : std::string_view(command.control);
    case SluicectlCommand::Kind::policy:
      // The classes are in the configuration alone.
      return {};
    case SluicectlCommand::Kind::ask:
    case SluicectlCommand::Kind::view:
    case SluicectlCommand::Kind::print:
    case SluicectlCommand::Kind::error:
      break;
  }
  return command.control;
}

// As the relay asks.
sluice::io::RealDnsOptions dns_options(const sluice::config::DnsConfig& config) {
  sluice::io::RealDnsOptions options{.timeout = config.timeout, .tries = config.tries};
  for (const sluice::io::Address& server : config.servers) options.servers.push_back(server.to_string());
  return options;
}

// The places named on the command line, else by the configuration, else the defaults.
bool find_places(const SluicectlCommand& command, Places& places) {
  sluice::config::Config config;
  // Without a file of that name the defaults hold, unless it was named.
  const bool wanted = command.config_given || std::filesystem::exists(command.config_file);
  if (named(command).empty() && wanted) {
    auto read = sluice::config::read_config(command.config_file);
    if (!read) {
      for (const std::string& error : read.error())
        std::cerr << "sluicectl: " << sluice::text::escaped_line(error) << "\n";
      return false;
    }
    config = *std::move(read);
  }
  const auto first = [](const std::string& given, const std::string& configured) {
    return given.empty() ? configured : given;
  };
  if (!command.store.empty()) config.store = {.accounts = command.store};
  // Where no configuration was read, they are not known.
  std::vector<std::string> classes;
  if (command.store.empty() && wanted)
    for (const auto& each : sluice::policy::PolicyClasses(config.policy.classes, config.policy.default_class).all())
      classes.push_back(each.name);
  places = {.control = first(command.control, config.server.control),
            .store = config.store,
            .accounts = {.scram_iterations = sluice::config::has_scram(config) ? config.login.scram_iterations : 0,
                         .backends = std::move(config.backends),
                         .backends_known = command.store.empty(),
                         .classes = std::move(classes),
                         .dns = dns_options(config.dns),
                         .hostname = config.server.hostname,
                         .makes_domain_keys = config.dkim.enabled,
                         .domain_keys = std::move(config.dkim.domain_keys)},
            .spool = first(command.spool.directory, config.spool.directory),
            .certificates = first(command.host.directory, config.tls.certificates),
            .log = wanted && named(command).empty() ? config.log.file : std::string(),
            .trace = first(command.trace.directory, config.trace.directory),
            .privacy = {.clients = config.log.client_addresses, .recipients = config.log.recipients},
            .state = config.server.state_dir,
            .user = config.server.user,
            .group = config.server.group,
            .policy = std::move(config.policy),
            .listeners = std::move(config.listeners)};
  return true;
}

int ask(const SluicectlCommand& command, const std::string& control) {
  sluice::cli::AnswerPrinter printer(sluice::cli::answer_has_end(command.request), std::cout, std::cerr);
  const auto answered = sluice::io::ask_local(control, command.request + "\n", command.timeout_s,
                                              [&printer](std::string_view bytes) { printer.feed(bytes); });
  if (!answered) {
    std::cerr << "sluicectl: " << sluice::text::printable(answered.error()) << "\n";
    return kExitFailed;
  }
  return printer.finish() ? 0 : kExitFailed;
}

int run_view(const SluicectlCommand& command, const std::string& control) {
  if (command.view.options.watch) sluice::io::take_interrupts();
  const auto clock = sluice::io::make_real_clock();
  const auto ask_relay = [&](const std::string& request, const std::function<void(std::string_view)>& piece) {
    return sluice::io::ask_local(control, request + "\n", command.timeout_s, piece);
  };
  return sluice::cli::run_view_command(command.view, command.request,
                                       {.ask = ask_relay,
                                        .wait = sluice::io::wait_unless_interrupted,
                                        .interrupted = sluice::io::interrupted,
                                        .now = [&clock] { return clock->wall(); },
                                        .terminal = sluice::cli::is_terminal(STDOUT_FILENO),
                                        .out = std::cout,
                                        .err = std::cerr});
}

// Null: there is none.
std::expected<std::unique_ptr<std::istream>, std::string> open_log(const std::string& name) {
  const std::string path = name == "-" ? "/dev/stdin" : name;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    if (status.type() == std::filesystem::file_type::not_found) return nullptr;
    return std::unexpected(name + ": " + error.message());
  }
  // The relay's user may have left a pipe there that nobody writes to.
  if (name != "-" && !std::filesystem::is_regular_file(status)) return std::unexpected(name + ": is no regular file");
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!file->is_open()) return std::unexpected(name + ": " + std::strerror(errno));
  return file;
}

struct Answer {
  bool done = false;  // it is whole, and no error
  std::string text;
  std::string remark;  // the first note or error
};

// The error: the relay does not answer.
std::expected<Answer, std::string> ask_for_text(const std::string& control, int timeout_s, const std::string& request) {
  std::ostringstream out;
  std::ostringstream err;
  sluice::cli::AnswerPrinter printer(sluice::cli::answer_has_end(request), out, err);
  const auto answered = sluice::io::ask_local(control, request + "\n", timeout_s,
                                              [&printer](std::string_view bytes) { printer.feed(bytes); });
  if (!answered) return std::unexpected(answered.error());
  Answer answer{.done = printer.finish(), .text = out.str(), .remark = err.str()};
  answer.remark.resize(std::min(answer.remark.find('\n'), answer.remark.size()));
  return answer;
}

int run_explain(const SluicectlCommand& command, const Places& places) {
  const auto ask_relay = [&](const std::string& request) -> std::expected<std::string, std::string> {
    const auto answer = ask_for_text(places.control, command.timeout_s, request);
    if (!answer) return std::unexpected(answer.error());
    return answer->done ? std::expected<std::string, std::string>(answer->text) : std::unexpected(answer->remark);
  };
  // As the relay's user, who owns it: no name in there makes root do more than that.
  const auto look = [&places](
                        const std::string& id,
                        const sluice::trace::Found& found) -> std::expected<std::vector<std::string>, std::string> {
    std::optional<sluice::io::ActAs> user;
    if (const auto owner = sluice::io::find_owner(places.user, places.group); sluice::io::running_as_root() && owner)
      user.emplace(places.user, *owner);
    const auto disk = sluice::io::make_real_disk();
    sluice::io::raise_file_limit();  // each segment of the trace has two files
    auto search = sluice::trace::TraceSearch::open(*disk, places.trace,
                                                   {.keys = {{.kind = sluice::trace::KeyKind::id, .value = id}}});
    if (!search) return std::unexpected(search.error());
    search->run(found);
    return search->faults();
  };
  sluice::cli::ExplainWorld world{
      .ask = ask_relay, .open_log = open_log, .log_file = places.log, .out = std::cout, .err = std::cerr};
  if (!places.trace.empty()) world.trace = look;
  return sluice::cli::run_explain_command(command.explain, world);
}

// As its owner: the relay that writes there has a user of its own, and root follows none of its names.
int run_spool(const SluicectlCommand& command, const std::string& directory) {
  const auto path = sluice::io::become_owner_of(directory);
  if (!path) {
    std::cerr << "sluicectl: " << sluice::text::printable(path.error()) << "\n";
    return kExitFailed;
  }
  return sluice::cli::run_spool_command(*sluice::io::make_real_disk(), command.spool, *path, directory, std::cout,
                                        std::cerr);
}

// What the relay says of the name of an account or a customer, where it does not have that.
std::string name_fault(const std::string& control, int timeout_s, const sluice::trace::KeyCondition& name) {
  sluice::control::NameRequest request;
  (name.kind == sluice::trace::KeyKind::customer ? request.customer : request.account) = name.value;
  if (!sluice::control::name_request_fault(request).empty()) return {};
  const auto answer = ask_for_text(control, timeout_s, sluice::control::encode_name_request(request));
  if (!answer || !answer->done) return {};
  const auto row = sluice::cli::ViewRow::read(std::string_view(answer->text).substr(0, answer->text.find('\n')));
  return row == nullptr ? std::string() : row->text(sluice::control::kNameUnknown);
}

// With the key of hashes, where the query needs that: read as the relay's user, who owns the directory that it is in.
std::expected<sluice::event::PrivacyOptions, std::string> privacy_of(const SluicectlCommand& command,
                                                                     const Places& places) {
  using sluice::event::AddressForm;
  sluice::event::PrivacyOptions options = places.privacy;
  const bool hashes = options.clients == AddressForm::hash || options.recipients == AddressForm::hash;
  if (!hashes || !sluice::cli::has_hidden_address(command.trace.query, options)) return options;
  std::optional<sluice::io::ActAs> user;
  if (const auto owner = sluice::io::find_owner(places.user, places.group); sluice::io::running_as_root() && owner)
    user.emplace(places.user, *owner);
  const auto key = sluice::event::read_log_key(sluice::event::log_key_file(places.state));
  if (!key) return std::unexpected("log: " + key.error());
  options.key = *key;
  return options;
}

// As its owner, likewise.
int run_trace(const SluicectlCommand& command, const Places& places) {
  const std::string& directory = places.trace;
  if (directory.empty()) {
    std::cerr << "sluicectl: the configuration has no trace.directory, so nothing was traced\n";
    return kExitFailed;
  }
  const auto privacy = privacy_of(command, places);
  if (!privacy) {
    std::cerr << "sluicectl: " << sluice::text::printable(privacy.error()) << "\n";
    return kExitFailed;
  }
  const auto path = sluice::io::become_owner_of(directory);
  if (!path) {
    std::cerr << "sluicectl: " << sluice::text::printable(path.error()) << "\n";
    return kExitFailed;
  }
  sluice::io::raise_file_limit();  // each segment of the trace has two files
  const auto disk = sluice::io::make_real_disk();
  const auto wait = [] {
    constexpr auto kBetweenLooks = std::chrono::milliseconds(500);
    std::this_thread::sleep_for(kBetweenLooks);
    return true;
  };
  const auto fault_of = [&](const sluice::trace::KeyCondition& name) {
    return name_fault(places.control, command.timeout_s, name);
  };
  return sluice::cli::run_trace_command(command.trace, {.disk = *disk,
                                                        .directory = *path,
                                                        .now = sluice::io::make_real_clock()->wall(),
                                                        .privacy = *privacy,
                                                        .name_fault = fault_of,
                                                        .wait = wait,
                                                        .out = std::cout,
                                                        .err = std::cerr});
}

class Stores final : public sluice::cli::StoreFinder {
 public:
  explicit Stores(const sluice::config::StoreConfig& configured) : configured_(configured) {}

  [[nodiscard]] std::expected<sluice::auth::StoreAddress, std::string> find(const std::string& text) override {
    constexpr std::string_view kConfig = "config:";
    if (text.empty()) return of(configured_);
    if (!text.starts_with(kConfig)) return sluice::auth::StoreAddress(text);
    const auto read = sluice::config::read_config(text.substr(kConfig.size()));
    return read ? of(read->store) : std::unexpected(read.error().front());
  }

  // Likewise: the relay's user may put links in the place of a file and of its journal.
  [[nodiscard]] std::expected<void, std::string> enter(const sluice::auth::StoreAddress& store) override {
    if (store.file.empty()) return {};
    auto became = sluice::io::become_owner_of_file(store.file);
    return became ? std::expected<void, std::string>() : std::unexpected(sluice::text::printable(became.error()));
  }

 private:
  static std::expected<sluice::auth::StoreAddress, std::string> of(const sluice::config::StoreConfig& store) {
    return sluice::auth::store_address_of(store.accounts, store.server);
  }
  const sluice::config::StoreConfig& configured_;
};

// As the relay: what it cannot read is to be said.  Where that user does not exist, as the caller.
int run_host(const SluicectlCommand& command, const Places& places) {
  const auto look = [&] {
    return sluice::cli::run_host_command(command.host, places.certificates, sluice::io::make_real_clock()->wall(),
                                         std::cout, std::cerr);
  };
  const auto owner = sluice::io::find_owner(places.user, places.group);
  if (!sluice::io::running_as_root() || !owner) return look();
  const sluice::io::ActAs user(places.user, *owner);
  return look();
}

class Relay final : public sluice::cli::RelayDialog {
 public:
  Relay(const std::string& control, int timeout_s) : dialog_(sluice::io::LocalDialog::connect(control, timeout_s)) {}
  [[nodiscard]] std::expected<void, std::string> ask(const std::string& line,
                                                     const std::function<void(std::string_view)>& piece) override {
    return dialog_ ? dialog_->ask(line, piece) : std::unexpected(dialog_.error());
  }

 private:
  std::expected<sluice::io::LocalDialog, std::string> dialog_;
};

// The relay is connected to, and our name asked for, before we become the owner of the store.
int run_contain(const SluicectlCommand& command, const Places& places) {
  const std::uint32_t uid = sluice::io::starting_user();
  const std::string name = sluice::io::user_name(uid);
  Relay relay(places.control, command.timeout_s);
  Stores stores(places.store);
  const auto clock = sluice::io::make_real_clock();
  const auto random = sluice::io::make_real_random();
  return sluice::cli::run_containment_command(command.containment,
                                              {.stores = stores,
                                               .settings = places.accounts,
                                               .clock = *clock,
                                               .random = *random,
                                               .in = std::cin,
                                               .out = std::cout,
                                               .err = std::cerr},
                                              relay, name.empty() ? "uid " + std::to_string(uid) : name);
}

// The log is opened before we become the owner of the store.
int run_policy(const SluicectlCommand& command, const Places& places) {
  std::vector<std::unique_ptr<std::ifstream>> opened;
  std::vector<sluice::cli::LogFile> files;
  for (const std::string& name : command.policy.files) {
    if (name == "-") {
      files.push_back({.name = "standard input", .lines = std::cin});
      continue;
    }
    opened.push_back(std::make_unique<std::ifstream>(name, std::ios::binary));
    if (!opened.back()->is_open()) {
      std::cerr << "sluicectl: " << sluice::text::printable(name) << ": " << std::strerror(errno) << "\n";
      return kExitFailed;
    }
    files.push_back({.name = name, .lines = *opened.back()});
  }
  const sluice::policy::PolicyClasses classes(places.policy.classes, places.policy.default_class,
                                              places.policy.relay_limits);
  const auto network_class = [&places](const std::string& listener) {
    const auto found = std::ranges::find(places.listeners, listener,
                                         [](const auto& each) { return each.addresses.front().to_string(); });
    return found == places.listeners.end() ? std::string() : found->trusted_class;
  };
  Stores stores(places.store);
  const auto clock = sluice::io::make_real_clock();
  const auto random = sluice::io::make_real_random();
  return sluice::cli::run_policy_command(
      command.policy, {.classes = classes, .network_class = network_class, .files = std::move(files)},
      {.stores = stores,
       .settings = places.accounts,
       .clock = *clock,
       .random = *random,
       .progress = sluice::cli::is_terminal(STDERR_FILENO),
       .in = std::cin,
       .out = std::cout,
       .err = std::cerr});
}

int run(const SluicectlCommand& command) {
  if (command.kind == SluicectlCommand::Kind::print) {
    std::cout << command.text;
    return 0;
  }
  if (command.kind == SluicectlCommand::Kind::error) {
    std::cerr << command.text;
    return sluice::cli::kExitUsage;
  }
  Places places;
  if (!find_places(command, places)) return kExitFailed;
  if (command.kind == SluicectlCommand::Kind::ask) return ask(command, places.control);
  if (command.kind == SluicectlCommand::Kind::view) return run_view(command, places.control);
  if (command.kind == SluicectlCommand::Kind::spool) return run_spool(command, places.spool);
  if (command.kind == SluicectlCommand::Kind::trace) return run_trace(command, places);
  if (command.kind == SluicectlCommand::Kind::host) return run_host(command, places);
  if (command.kind == SluicectlCommand::Kind::contain) return run_contain(command, places);
  if (command.kind == SluicectlCommand::Kind::policy) return run_policy(command, places);
  if (command.kind == SluicectlCommand::Kind::explain) return run_explain(command, places);
  Stores stores(places.store);
  return sluice::cli::run_account_command(command.account_args, stores, places.accounts, std::cin, std::cout,
                                          std::cerr);
}

}  // namespace

int main(int argc, char** argv) {
  sluice::io::keep_memory_private();
  return sluice::cli::finish_output("sluicectl", run(sluice::cli::parse_sluicectl(argc, argv)), std::cout, std::cerr);
}
