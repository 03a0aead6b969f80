#include "engine/smtp/command.h"

#include <algorithm>
#include <array>

#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

constexpr std::uint16_t kReady = state_bit(ServerState::ready);
constexpr std::uint16_t kTransaction = state_bit(ServerState::transaction);
constexpr std::uint16_t kChunks = state_bit(ServerState::chunks);
// RFC 5321 4.1.4: "The NOOP, HELP, EXPN, VRFY, and RSET commands can be used at any time during a
// session", and QUIT; EHLO too resets.
constexpr std::uint16_t kAny = state_bit(ServerState::greeted) | kReady | kTransaction | kChunks;

using enum ArgumentRule;
using enum Verb;

// RFC 3207 4: where TLS is required, "530" answers "every command other than NOOP, EHLO, STARTTLS,
// or QUIT" (and HELO, which leads nowhere without them).
constexpr std::array<CommandSpec, 15> kTable{{
    // name, verb, argument, states, otherwise, before_tls, idle, rfc
    {"HELO", helo, required, kAny, nullptr, true, true, "RFC 5321 4.1.1.1"},
    {"EHLO", ehlo, required, kAny, nullptr, true, true, "RFC 5321 4.1.1.1"},
    {"STARTTLS", starttls, none, kReady, &replies::kBadSequence, true, false, "RFC 3207 4"},
    {"AUTH", auth, required, kReady, &replies::kAuthInTransaction, false, false, "RFC 4954 4"},
    {"MAIL", mail, required, kReady, &replies::kNestedMail, false, false, "RFC 5321 4.1.1.2"},
    {"RCPT", rcpt, required, kTransaction, &replies::kMailFirst, false, false, "RFC 5321 4.1.1.3"},
    {"DATA", data, none, kTransaction, &replies::kMailFirst, false, false, "RFC 5321 4.1.1.4"},
    {"BDAT", bdat, required, kTransaction | kChunks, &replies::kMailFirst, false, false, "RFC 3030 2"},
    {"RSET", rset, none, kAny, nullptr, false, true, "RFC 5321 4.1.1.5"},
    {"NOOP", noop, optional, kAny, nullptr, true, true, "RFC 5321 4.1.1.9"},
    {"VRFY", vrfy, required, kAny, nullptr, false, true, "RFC 5321 4.1.1.6"},
    {"EXPN", expn, optional, kAny, nullptr, false, true, "RFC 5321 4.1.1.7"},
    {"HELP", help, optional, kAny, nullptr, false, true, "RFC 5321 4.1.1.8"},
    {"QUIT", quit, none, kAny, nullptr, true, false, "RFC 5321 4.1.1.10"},
    {"", unknown, optional, 0, nullptr, true, false, "RFC 5321 4.2.4"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].verb) != i) return false;
  }
  return true;
}
static_assert(in_order());

// "FROM:<path>" or "TO:<path>", then parameters.
const StandardReply* take_path(std::string_view& argument, std::string_view keyword, PathKind kind, bool utf8_allowed,
                               const StandardReply& syntax, const StandardReply& bad_address, Path& path) {
  if (!starts_with_ignore_case(argument, keyword)) return &syntax;
  argument = without_leading_blanks(argument.substr(keyword.size()));
  if (argument.empty()) return &syntax;
  const PathParse parsed = argument.starts_with('<') ? parse_path(argument, kind, utf8_allowed)
                                                     : parse_bare_path(argument, kind, utf8_allowed);
  if (parsed.fault == PathFault::eight_bit) return &replies::kNeedsSmtputf8;
  if (parsed.fault != PathFault::none) return &bad_address;
  path = parsed.path;
  argument.remove_prefix(parsed.size);
  return nullptr;
}

const StandardReply* parameter_reply(ParameterFault fault, const StandardReply& syntax) {
  switch (fault) {
    case ParameterFault::none:
      return nullptr;
    case ParameterFault::syntax:
      return &syntax;
    case ParameterFault::unknown:
      return &replies::kUnknownParameter;
    case ParameterFault::duplicate:
      return &replies::kDuplicateParameter;
    case ParameterFault::bad_value:
      return &replies::kBadParameter;
  }
  return &syntax;
}

constexpr Extensions kNoExtensions{.pipelining = false,
                                   .size = false,
                                   .eight_bit_mime = false,
                                   .smtputf8 = false,
                                   .chunking = false,
                                   .dsn = false,
                                   .limits = false,
                                   .starttls = false,
                                   .auth = false};

}  // namespace

std::span<const CommandSpec> command_table() { return kTable; }

const CommandSpec& command_spec(Verb verb) { return kTable[static_cast<std::size_t>(verb)]; }

Command parse_command(std::string_view line) {
  // RFC 5321 4.1.1: "SMTP receivers SHOULD tolerate trailing white space before the terminating
  // <CRLF>".
  line = without_trailing_blanks(line);
  const std::size_t end = find_blank(line);
  const std::string_view name = line.substr(0, end);
  const auto* const row = std::ranges::find_if(
      kTable, [name](const CommandSpec& spec) { return !name.empty() && equals_ignore_case(spec.name, name); });
  Command command;
  if (row != kTable.end()) command.verb = row->verb;
  command.argument = without_leading_blanks(line.substr(end));
  return command;
}

const StandardReply* parse_mail(std::string_view argument, const Extensions* on, MailCommand& result) {
  // UTF-8 is let through at first: SMTPUTF8 comes after the path.
  const StandardReply* bad = take_path(argument, "FROM:", PathKind::reverse, true, replies::kMailSyntax,
                                       replies::kBadSenderAddress, result.path);
  if (bad != nullptr) return bad;
  const Extensions& extensions = on != nullptr ? *on : kNoExtensions;
  bad = parameter_reply(parse_mail_parameters(argument, extensions, result.parameters), replies::kMailSyntax);
  if (bad != nullptr) return bad;
  // RFC 6531 3.5: 553 or 550, with 5.6.7, where non-ASCII addresses are not permitted.
  return result.path.mailbox.eight_bit && !result.parameters.smtputf8 ? &replies::kNeedsSmtputf8 : nullptr;
}

const StandardReply* parse_rcpt(std::string_view argument, const Extensions* on, bool smtputf8,
                                RecipientCommand& result) {
  const StandardReply* bad = take_path(argument, "TO:", PathKind::forward, smtputf8, replies::kRcptSyntax,
                                       replies::kBadRecipientAddress, result.path);
  if (bad != nullptr) return bad;
  const Extensions& extensions = on != nullptr ? *on : kNoExtensions;
  return parameter_reply(parse_rcpt_parameters(argument, extensions, smtputf8, result.parameters),
                         replies::kRcptSyntax);
}

// RFC 3030 2: bdat-cmd ::= "BDAT" SP chunk-size [ SP end-marker ] CR LF; end-marker ::= "LAST".
const StandardReply* parse_bdat(std::string_view argument, ChunkCommand& result) {
  const std::size_t end = find_blank(argument);
  // What does not fit could not be counted off: it must not be taken for less.
  const std::optional<std::uint64_t> size = parse_size(argument.substr(0, end));
  if (!size) return &replies::kBdatSyntax;
  const std::string_view rest = without_leading_blanks(argument.substr(end));
  if (!rest.empty() && !equals_ignore_case(rest, "LAST")) return &replies::kBdatSyntax;
  result = {.size = *size, .last = !rest.empty()};
  return nullptr;
}

// RFC 4954 4: "AUTH" SP sasl-mech [SP initial-response].
const StandardReply* parse_auth(std::string_view argument, AuthCommand& result) {
  const std::size_t end = find_blank(argument);
  result = {.mechanism = argument.substr(0, end)};
  // RFC 4422 3.1: upper-case letters, digits, hyphens and underscores.
  const bool good = std::ranges::all_of(result.mechanism, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
  if (result.mechanism.empty() || result.mechanism.size() > kMechanismBytesMax || !good) return &replies::kAuthSyntax;
  const std::string_view rest = without_leading_blanks(argument.substr(end));
  if (find_blank(rest) != rest.size()) return &replies::kAuthSyntax;
  if (!rest.empty()) result.initial = rest;
  return nullptr;
}

bool is_hello_name(std::string_view name) {
  if (name.empty() || name.size() > kDomainBytesMax || !is_clean_utf8(name)) return false;
  return std::ranges::none_of(name, [](char c) { return is_control(c) || c == ' '; });
}

std::string safe_hello_name(std::string_view name) {
  std::string safe;
  append_clean_text(name, kDomainBytesMax, Charset::utf8, safe);
  std::ranges::replace_if(safe, is_blank, '?');
  return safe;
}

}  // namespace sluice::smtp
