// What a run sends, and its command line.  Values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "tools/load/content.h"
#include "tools/load/pace.h"

namespace sluice::load {

enum class LoadTls : std::uint8_t { none, starttls, implicit };
enum class LoadAuth : std::uint8_t { none, plain, login };

struct Login {
  std::string name;
  std::string password;
};

struct LoadOptions {
  std::uint64_t run = 0;
  std::string hello = "client.example";  // of EHLO
  std::string server_name;               // of SNI

  LoadTls tls = LoadTls::none;
  bool resume = false;
  LoadAuth auth = LoadAuth::none;
  std::vector<Login> logins;  // taken in turn, one a connection

  std::string from = "load@client.example";  // see expand()
  std::string to = "to-%i@sink.example";
  std::uint32_t recipients = 1;
  Sizes sizes = *Sizes::parse("4096");

  std::uint32_t sessions = 20;                // of all threads
  std::uint32_t messages_per_connection = 0;  // 0: no limit
  bool pipelining = true;                     // where it is offered
  bool bdat = false;
  std::uint64_t chunk_bytes = 0;  // of BDAT; 0: the whole message is one

  std::uint64_t messages = 0;  // of all threads; 0: no limit
  Duration duration{};         // zero: likewise
  double rate = 0;             // messages a second; 0: closed loop
  Arrivals arrivals = Arrivals::even;
  std::uint64_t seed = 1;
  Duration timeout = std::chrono::seconds(60);
};

// A mailbox of the template `text`: "%i" is the identity of one copy (stamp.h), "%a" the login's number from 1 on, "%u"
// the login's name, "%%" a percent sign.
[[nodiscard]] std::string expand(std::string_view text, const MessageId& id, std::uint32_t copy, std::size_t login,
                                 const std::vector<Login>& logins);
// What is wrong with a template, or nothing.
[[nodiscard]] std::string template_fault(std::string_view text);

struct LoadCommand {
  enum class Kind : std::uint8_t { run, print, error };
  Kind kind = Kind::error;
  std::string text;  // to print
  LoadOptions options;
  std::string target;  // HOST:PORT
  std::string ledger;  // the sink's, an address; empty: none is asked
  std::string accounts_file;
  bool from_given = false;
  Duration settle = std::chrono::seconds(10);
  std::uint32_t threads = 1;
  bool json = false;
  bool quiet = false;
};

// The words as main() gets them.
[[nodiscard]] LoadCommand parse_load(int argc, const char* const* argv);

// Lines of a name, a TAB and a password. The error is a sentence.
[[nodiscard]] std::expected<std::vector<Login>, std::string> parse_logins(std::string_view text);
// The run has these, at least one; where they are mailboxes, they are the senders, unless --from says otherwise. What
// is wrong with them, or nothing.
[[nodiscard]] std::string use_logins(std::vector<Login> logins, LoadCommand& command);

}  // namespace sluice::load
