// sluice: the relay.
#include <filesystem>
#include <iostream>

#include "engine/cli/command_line.h"
#include "engine/cli/output.h"
#include "engine/config/file.h"
#include "engine/io/files.h"
#include "engine/io/process.h"
#include "engine/io/real_platform.h"
#include "engine/server/inspection.h"
#include "engine/server/server.h"
#include "engine/text/escape.h"
#include "engine/tls/self_signed.h"

namespace {

using sluice::cli::SluiceCommand;

constexpr int kExitFailed = 1;

// What they repeat may come from outside: names of files, certificates, answers of servers.
int complain(const std::vector<std::string>& errors) {
  for (const std::string& error : errors) std::cerr << "sluice: " << sluice::text::escaped_line(error) << "\n";
  return kExitFailed;
}

void note(const std::string& what) { std::cerr << "sluice: note: " << sluice::text::escaped_line(what) << "\n"; }

int check(const SluiceCommand& command) {
  const sluice::server::Inspection found = sluice::server::inspect(command.config_file);
  for (const std::string& each : found.notes) note(each);
  if (!found.errors.empty()) return complain(found.errors);
  std::cout << command.config_file << ": fine\n";
  return 0;
}

int certificate(const SluiceCommand& command) {
  const auto made = sluice::tls::make_self_signed(command.names, sluice::io::make_real_clock()->wall());
  if (!made) return complain({made.error()});
  const auto written = sluice::io::write_new_files(
      command.directory, {{"fullchain.pem", made->certificate_pem, 0644}, {"privkey.pem", made->key_pem, 0600}});
  if (!written) return complain({written.error()});
  if (!sluice::io::running_as_root()) return 0;
  // The relay reads it once it has become its user.
  sluice::config::ServerConfig server;
  if (std::filesystem::exists(command.config_file)) {
    const auto config = sluice::config::read_config(command.config_file);
    if (!config) return complain(config.error());
    server = config->server;
  }
  const std::string key = command.directory + "/privkey.pem";
  if (const auto given = sluice::io::give_file_to(key, server.user, server.group); !given)
    note(given.error() + "; until then " + key + " is for root alone to read");
  return 0;
}

int serve(const SluiceCommand& command) {
  // First of all: a signal that comes now is for the relay that will run, and must not end one that only begins.
  sluice::io::take_signals();
  sluice::io::keep_memory_private();
  sluice::io::end_without_memory();
  sluice::server::Server server(command.config_file);
  if (auto started = server.start(); !started) {
    complain(started.error());
    if (const std::string why = sluice::io::address_space_note(); !why.empty()) note(why);
    return kExitFailed;
  }
  sluice::io::go_on_without_memory();
  return server.run();
}

int run(const SluiceCommand& command) {
  switch (command.kind) {
    case SluiceCommand::Kind::serve:
      return serve(command);
    case SluiceCommand::Kind::check:
      return check(command);
    case SluiceCommand::Kind::certificate:
      return certificate(command);
    case SluiceCommand::Kind::print:
      std::cout << command.text;
      return 0;
    case SluiceCommand::Kind::error:
      std::cerr << command.text;
      return sluice::cli::kExitUsage;
  }
  return sluice::cli::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  const SluiceCommand command = sluice::cli::parse_sluice(argc, argv);
  return sluice::cli::finish_output("sluice", run(command), std::cout, std::cerr);
}
