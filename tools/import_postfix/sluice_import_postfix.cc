// sluice-import-postfix: a configuration of Sluice from one of Postfix.  tools/import-postfix builds and runs it.
#include <cstddef>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "engine/io/files.h"
#include "engine/io/process.h"
#include "engine/text/escape.h"
#include "tools/import_postfix/import.h"
#include "tools/import_postfix/options.h"

namespace {

using sluice::import_postfix::ImportCommand;
using sluice::import_postfix::Imported;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr std::size_t kFileBytesMax = std::size_t{16} << 20U;

// Names of files and values may be anything: nothing of them reaches the terminal as it is.
void say(const std::string& text) { std::cerr << "tools/import-postfix: " << sluice::text::escaped_line(text) << "\n"; }

int complain(const std::string& text) {
  say(text);
  return kExitFailed;
}

// FILE and the passwords beside it.
int write_files(const ImportCommand& command, const Imported& imported) {
  const std::size_t slash = command.output.rfind('/');
  const std::string directory = command.output.substr(0, slash);
  std::vector<sluice::io::NewFile> files;
  files.push_back({.name = command.output.substr(slash + 1), .text = imported.toml, .mode = 0644});
  for (const auto& secret : imported.secrets) files.push_back({.name = secret.name, .text = secret.text, .mode = 0600});
  const std::string place = directory.empty() ? "/" : directory;
  if (const auto written = sluice::io::write_new_files(place, files); !written) return complain(written.error());
  for (const auto& secret : imported.secrets) {
    const std::string path = directory + "/" + secret.name;
    if (!sluice::io::running_as_root()) break;
    if (const auto given = sluice::io::give_file_to(path, command.user, ""); !given) say(given.error());
  }
  return 0;
}

int run(const ImportCommand& command) {
  const auto main_cf = sluice::io::read_file(command.config_directory + "/main.cf", kFileBytesMax);
  if (!main_cf) return complain(main_cf.error());
  const auto master_cf = sluice::io::read_file(command.config_directory + "/master.cf", kFileBytesMax);
  if (!master_cf) return complain(master_cf.error());
  sluice::import_postfix::Sources sources{.main_cf = *main_cf, .master_cf = *master_cf};
  sources.config_directory = command.config_directory;
  if (!command.output.empty()) sources.secrets_directory = command.output.substr(0, command.output.rfind('/'));
  sources.read = [](const std::string& path) -> std::optional<std::string> {
    auto text = sluice::io::read_file(path, kFileBytesMax);
    return text ? std::optional(*std::move(text)) : std::nullopt;
  };
  const Imported imported = sluice::import_postfix::import(sources);
  for (const std::string& decision : imported.decisions) say(decision);
  if (!command.output.empty()) return write_files(command, imported);
  for (const auto& secret : imported.secrets)
    say(sources.secrets_directory + "/" + secret.name + ": is not written; with --output it would be");
  std::cout << imported.toml;
  return std::cout.flush() ? 0 : complain("standard output: cannot write all of it; is the disk full?");
}

}  // namespace

int main(int argc, char** argv) {
  const ImportCommand command = sluice::import_postfix::parse_import(argc, argv);
  if (command.kind == ImportCommand::Kind::run) return run(command);
  const bool help = command.kind == ImportCommand::Kind::print;
  (help ? std::cout : std::cerr) << command.text << std::flush;
  return help ? 0 : kExitUsage;
}
