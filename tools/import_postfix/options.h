// The command line of sluice-import-postfix.  Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::import_postfix {

struct ImportCommand {
  enum class Kind : std::uint8_t { run, print, wrong };
  Kind kind = Kind::wrong;
  std::string text;  // print: the help; wrong: what is wrong
  std::string config_directory = "/etc/postfix";
  std::string output;  // absolute; empty: standard output
  std::string user = "sluice";
};
[[nodiscard]] ImportCommand parse_import(int argc, const char* const* argv);

}  // namespace sluice::import_postfix
