// Command lines: the table of verbs, and parsing a line into what it asks.
// What is parsed are views into the caller's bytes.  Pure functions.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/smtp/parameters.h"
#include "engine/smtp/path.h"
#include "engine/smtp/reply.h"

namespace sluice::smtp {

enum class Verb : std::uint8_t {
  helo,
  ehlo,
  starttls,
  auth,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  vrfy,
  expn,
  help,
  quit,
  unknown,
};

// Where the dialog stands, between commands.
enum class ServerState : std::uint8_t {
  fresh,        // no greeting sent yet
  greeted,      // EHLO or HELO is due
  ready,        // no transaction
  transaction,  // MAIL was taken
  chunks,       // a BDAT was taken, its LAST was not
  content,      // 354 was sent: the driver reads
  auth,         // a challenge was sent: one response line
  tls,          // 220 was sent: the handshake is due
  closed,       // nothing more is answered
};

enum class ArgumentRule : std::uint8_t { none, optional, required };

struct CommandSpec {
  std::string_view name;
  Verb verb = Verb::unknown;
  ArgumentRule argument = ArgumentRule::none;
  std::uint16_t states = 0;  // bit mask of the ServerStates in which it is legal
  // The answer in other states, once EHLO was given and no BDAT is open.
  const StandardReply* otherwise = nullptr;
  bool before_tls = false;  // legal before STARTTLS where TLS is required (RFC 3207 4)
  bool idle = false;        // moves nothing forward: counted against floods
  std::string_view rfc;
};

// For tests: one row a verb, in order of Verb.
std::span<const CommandSpec> command_table();
const CommandSpec& command_spec(Verb verb);
constexpr std::uint16_t state_bit(ServerState state) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(state));
}

struct Command {
  Verb verb = Verb::unknown;
  // After one or more blanks; blanks at the line's end are gone (RFC 5321 4.1.1).
  std::string_view argument;
};

// `line` is without its CRLF.  RFC 5321 2.4: verbs are case-insensitive.
Command parse_command(std::string_view line);

struct MailCommand {
  Path path;
  MailParameters parameters;
};
struct RecipientCommand {
  Path path;
  RcptParameters parameters;
  bool surplus = false;  // there are recipients_max already: only one of those may be taken, once more
};
struct ChunkCommand {
  std::uint64_t size = 0;
  bool last = false;
  bool discard = false;  // refused already: its bytes are read and thrown away
};
struct AuthCommand {
  std::string_view mechanism;               // as sent
  std::optional<std::string_view> initial;  // base64 as sent; "=" stands for an empty one
};

// Each gives null and fills `result`, or the reply that refuses.  Parameters are looked at only for
// ESMTP clients (`on` is null after HELO: RFC 5321 4.1.1.11, all of them are unknown).
// Two leniencies, for old submission clients: blanks between "FROM:" or "TO:" and the path, and a mailbox without its
// angle brackets (see parse_bare_path()).  Neither lets through another address than the one that is seen.
const StandardReply* parse_mail(std::string_view argument, const Extensions* on, MailCommand& result);
const StandardReply* parse_rcpt(std::string_view argument, const Extensions* on, bool smtputf8,
                                RecipientCommand& result);
const StandardReply* parse_bdat(std::string_view argument, ChunkCommand& result);
const StandardReply* parse_auth(std::string_view argument, AuthCommand& result);

// RFC 5321 4.1.1.1 requires a domain or an address literal.  Clients send "localhost", "my_pc",
// "[10.0.0.1" and the like, and RFC 5321 4.1.4 forbids refusing mail for it: any non-empty token of
// printable ASCII or UTF-8, up to kDomainBytesMax.
bool is_hello_name(std::string_view name);
// What a client gave as its name, which need not be one, in a form that is (if it is not empty): what is not UTF-8,
// blanks and controls become '?', misleading characters "\x{HEX}", and it is cut at kDomainBytesMax.  An
// is_hello_name() without misleading characters stays as it is.
std::string safe_hello_name(std::string_view name);

}  // namespace sluice::smtp
