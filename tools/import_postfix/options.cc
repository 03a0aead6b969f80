#include "tools/import_postfix/options.h"

#include <array>
#include <cstddef>
#include <string_view>

#include "engine/config/rules.h"
#include "engine/text/command_words.h"

namespace sluice::import_postfix {
namespace {

constexpr std::string_view kHelp = R"(NAME
  tools/import-postfix - makes a configuration of Sluice from one of Postfix

SYNOPSIS
  tools/import-postfix [--config-dir DIRECTORY] [--output FILE] [--user NAME]

DESCRIPTION
  Reads main.cf and master.cf, and the tables that they name, as Postfix does;
  Postfix need not be there. Writes a configuration of Sluice in which each
  setting stands below what it came from. What has no counterpart is listed at
  its end, with the reason. `sluice check` takes it.

  Nobody who could not send by Postfix can send by what is written: where that
  is in doubt, it is narrower, and a comment says so. What has to be decided or
  done by hand is at its top, and is also printed on standard error.

  From main.cf: names, mynetworks, restrictions, TLS, SASL, limits and rates,
  relayhost, transport_maps, sender_dependent_relayhost_maps,
  smtp_sasl_password_maps, times of queue and dialog. From master.cf: each smtpd
  of the network, with its -o, as a [[listener]]. Tables of the types hash,
  btree, lmdb, cdb, dbm, sdbm and texthash are read from the text beside them.

  Secrets are not in the configuration: passwords of logins at next hops go to
  files of mode 0600 beside FILE, which the configuration names.

OPTIONS
  --config-dir DIRECTORY  Where main.cf is. Default: /etc/postfix
  --output FILE           An absolute path; it may not be there yet, nor may the
                          files of passwords beside it. Default: standard
                          output, and then no password file is written.
  --user NAME             Who the files of passwords are given to, if this runs
                          as root: server.user. Default: sluice
  -h, --help              Print this page.

EXIT STATUS
  0  it is written
  1  a file cannot be read or written; the reason is on standard error
  2  the command line is wrong

EXAMPLE
  tools/import-postfix --output /etc/sluice/sluice.toml
  sluice check

SEE ALSO
  sluice --help, sluice example
)";

ImportCommand wrong(const std::string& problem) {
  ImportCommand command;
  command.text = text::with_advice("tools/import-postfix", problem);
  return command;
}

}  // namespace

ImportCommand parse_import(int argc, const char* const* argv) {
  std::array<text::Option, 3> options = {{{"--config-dir", "DIRECTORY"}, {"--output", "FILE"}, {"--user", "NAME"}}};
  const text::Words words(argv + 1, argv + argc);
  ImportCommand command;
  for (std::size_t at = 0; at < words.size();) {
    if (text::is_help(words[at])) {
      command.kind = ImportCommand::Kind::print;
      command.text = kHelp;
      return command;
    }
    text::Option* const option = text::find_option(options, words[at]);
    if (option == nullptr) return wrong(text::unknown_option(words[at], options));
    if (const std::string problem = text::take_option(*option, words, at); !problem.empty()) return wrong(problem);
  }
  if (options[0].given) command.config_directory = *options[0].given;
  if (options[1].given) command.output = *options[1].given;
  if (options[2].given) command.user = *options[2].given;
  const bool absolute = config::kPathRule.check(command.output).has_value() && !command.output.ends_with('/');
  if (!command.output.empty() && !absolute) return wrong("--output takes a path that begins with \"/\"");
  command.kind = ImportCommand::Kind::run;
  return command;
}

}  // namespace sluice::import_postfix
