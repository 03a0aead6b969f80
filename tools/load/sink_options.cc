#include "tools/load/sink_options.h"

#include <algorithm>
#include <functional>

#include "engine/io/address.h"
#include "engine/smtp/command.h"
#include "engine/smtp/limits.h"
#include "engine/text/command_words.h"
#include "engine/text/quoted.h"
#include "tools/load/content.h"
#include "tools/load/numbers.h"

namespace sluice::load {
namespace {

constexpr std::string_view kHelp = R"(NAME
  sluice-sink - receives mail, checks it and throws it away

SYNOPSIS
  sluice-sink [--listen ADDRESS:PORT] [--ledger ADDRESS:PORT] [OPTION ...]

DESCRIPTION
  The other end of sluice-load: an SMTP server that takes any message for any
  recipient. Each message of sluice-load has the run that it is of, its number
  and a checksum in it, so that the sink can say of each run what came, what
  came twice and what was changed on its way, without having seen it sent. It
  can be made to delay, to refuse and to reset; what it has refused by number is
  in its ledger too, so that it is not taken for lost.

  On SIGINT or SIGTERM it ends and prints its results.

OPTIONS
  --listen ADDRESS:PORT  Where mail is taken. Default: 127.0.0.1:2525
  --ledger ADDRESS:PORT  Where sluice-load may ask for the ledger of its run
                         (its option --sink). Default: nowhere.
  --threads N            Event loops, each with a share of the connections.
                         Default: 1
  --hostname NAME        In the greeting. Default: sink.example
  --size BYTES           The largest message; K and M may stand behind the
                         number. At least 64K. Default: 1024M
  --tls none|starttls|implicit
                         Default: none
  --certificate FILE     PEM, the sink's own first, and
  --key FILE             its key. Default: one that is made for --hostname and
                         signed by itself.
  --auth off|on|required AUTH PLAIN and LOGIN with any name and password, with
                         TLS or without. Default: off
  --without EXTENSION[,EXTENSION ...]
                         Does not offer pipelining, chunking, 8bitmime, size,
                         smtputf8 or dsn. Without 8bitmime there is no smtputf8.
  --delay STAGE=MS[,...]        Waits so many milliseconds before the answer.
  --refuse STAGE=CODE[:PERCENT][,...]
                         Answers with CODE (400 to 599), so many times of a
                         hundred, evenly spread. Default: always
  --reset STAGE[:PERCENT][,...] Resets the connection instead of answering.
  --json                 Prints the results as JSON.
  -h, --help             Print this page.

STAGES
  connect   the greeting          data      DATA, or the first BDAT
  ehlo      cannot be refused     content   the end of the message
  auth                            accepted  the message was counted as taken,
  mail                                      and its 250 never leaves: only for
  rcpt                                      --reset

REPORT
  For each run: copies received (one recipient of one message is a copy),
  arrivals that doubled one, copies that were changed, messages missing below
  the highest number that came (gaps), copies refused for good and for now (a
  reset is for now), and strays: messages for recipients that the run does not
  have.

EXIT STATUS
  0  it ran, whatever it received
  1  it could not start, or could not print the results
  2  the command line is wrong

EXAMPLES
  sluice-sink --listen 127.0.0.1:2525 --ledger 127.0.0.1:2526
  sluice-sink --tls starttls --auth on --threads 2
  sluice-sink --refuse rcpt=451:10,content=554:1 --delay content=20
  sluice-sink --reset accepted:1       one in a hundred comes twice from a relay

SEE ALSO
  sluice-load --help
)";

// "mail", and what is behind `mark`.
std::optional<SinkStage> take_stage(std::string_view& text, char mark) {
  const std::string_view name = take_until(text, mark);
  const auto* found = std::ranges::find(kSinkStageNames, name);
  if (found == kSinkStageNames.end()) return std::nullopt;
  return static_cast<SinkStage>(found - kSinkStageNames.begin());
}

// Nothing: 100.
std::optional<std::uint32_t> percent_of(std::string_view text) {
  if (text.empty()) return 100;
  const auto number = parse_number(text);
  return number && *number >= 1 && *number <= 100 ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

std::string each(std::string_view list, SinkOptions& options, std::string (*take)(std::string_view, SinkOptions&)) {
  while (!list.empty())
    if (std::string problem = take(take_until(list, ','), options); !problem.empty()) return problem;
  return "";
}

std::string without(std::string_view name, SinkOptions& options) {
  smtp::Extensions& on = options.extensions;
  if (name == "pipelining") {
    on.pipelining = false;
  } else if (name == "chunking") {
    on.chunking = false;
  } else if (name == "8bitmime") {
    on.eight_bit_mime = on.smtputf8 = false;
  } else if (name == "size") {
    on.size = false;
  } else if (name == "smtputf8") {
    on.smtputf8 = false;
  } else if (name == "dsn") {
    on.dsn = false;
  } else {
    return "--without: there is no extension " + text::in_quotes(name) + " to leave out";
  }
  return "";
}

std::string take_tls(std::string_view value, SinkOptions& options) {
  if (value == "none") options.tls = SinkTls::none;
  if (value == "starttls") options.tls = SinkTls::starttls;
  if (value == "implicit") options.tls = SinkTls::implicit;
  return value == "none" || value == "starttls" || value == "implicit" ? "" : "--tls takes none, starttls or implicit";
}

std::string take_auth(std::string_view value, SinkOptions& options) {
  options.extensions.auth = value != "off";
  options.require_auth = value == "required";
  return value == "off" || value == "on" || value == "required" ? "" : "--auth takes off, on or required";
}

struct SinkOption {
  enum Index : std::uint8_t {
    kListen,
    kLedger,
    kThreads,
    kHostname,
    kSize,
    kTls,
    kCertificate,
    kKey,
    kAuth,
    kWithout,
    kDelay,
    kRefuse,
    kReset,
    kJson,
    kOptionCount,
  };
};  // clang-format would give each a line

std::string apply_options(const std::array<text::Option, SinkOption::kOptionCount>& given, SinkCommand& command) {
  SinkOptions& options = command.options;
  const auto value = [&given](SinkOption::Index index) { return given[index].given; };
  if (value(SinkOption::kListen)) command.listen = *value(SinkOption::kListen);
  if (value(SinkOption::kLedger)) command.ledger = *value(SinkOption::kLedger);
  if (value(SinkOption::kHostname)) options.hostname = *value(SinkOption::kHostname);
  if (value(SinkOption::kCertificate)) command.certificate_file = *value(SinkOption::kCertificate);
  if (value(SinkOption::kKey)) command.key_file = *value(SinkOption::kKey);
  command.json = value(SinkOption::kJson).has_value();
  if (!io::Address::parse(command.listen)) return "--listen takes an address and a port, such as 127.0.0.1:2525";
  if (!command.ledger.empty() && !io::Address::parse(command.ledger)) return "--ledger takes an address and a port";
  if (!smtp::is_hello_name(options.hostname)) return "--hostname takes a host name";
  if (command.certificate_file.empty() != command.key_file.empty()) return "--certificate and --key go together";
  if (value(SinkOption::kThreads)) {
    const auto threads = parse_number(*value(SinkOption::kThreads));
    if (!threads || *threads < 1 || *threads > 64) return "--threads takes 1 to 64";
    command.threads = static_cast<std::uint32_t>(*threads);
  }
  if (value(SinkOption::kSize)) {
    const auto size = parse_bytes(*value(SinkOption::kSize));
    if (!size || *size < smtp::kMessageBytesMin) return "--size takes 64K to 1024M";
    options.message_bytes_max = *size;
  }
  if (value(SinkOption::kTls))
    if (std::string problem = take_tls(*value(SinkOption::kTls), options); !problem.empty()) return problem;
  if (value(SinkOption::kAuth))
    if (std::string problem = take_auth(*value(SinkOption::kAuth), options); !problem.empty()) return problem;
  using Take = std::string (*)(std::string_view, SinkOptions&);
  for (const auto& [index, take] :
       std::initializer_list<std::pair<SinkOption::Index, Take>>{{SinkOption::kWithout, &without},
                                                                 {SinkOption::kDelay, &take_delay},
                                                                 {SinkOption::kRefuse, &take_refusal},
                                                                 {SinkOption::kReset, &take_reset}})
    if (value(index))
      if (std::string problem = each(*value(index), options, take); !problem.empty()) return problem;
  return "";
}

SinkCommand sink_error(const std::string& problem) {
  SinkCommand command;
  command.text = text::with_advice("sluice-sink", problem);
  return command;
}

}  // namespace

std::string take_delay(std::string_view text, SinkOptions& options) {
  const auto stage = take_stage(text, '=');
  const auto milliseconds = parse_number(text);
  if (!stage || *stage == SinkStage::accepted || !milliseconds || *milliseconds > 3'600'000)
    return "--delay takes STAGE=MS, such as content=20";
  options.at(*stage).delay = std::chrono::milliseconds(*milliseconds);
  return "";
}

std::string take_refusal(std::string_view text, SinkOptions& options) {
  const auto stage = take_stage(text, '=');
  const auto code = parse_number(take_until(text, ':'));
  const auto percent = percent_of(text);
  if (!stage || *stage == SinkStage::ehlo || *stage == SinkStage::accepted || !code || *code < 400 || *code > 599 ||
      !percent)
    return "--refuse takes STAGE=CODE or STAGE=CODE:PERCENT, such as rcpt=451:10";
  options.at(*stage).code = static_cast<std::uint16_t>(*code);
  options.at(*stage).refuse = Share(*percent);
  return "";
}

std::string take_reset(std::string_view text, SinkOptions& options) {
  const auto stage = take_stage(text, ':');
  const auto percent = percent_of(text);
  if (!stage || !percent) return "--reset takes STAGE or STAGE:PERCENT, such as content:1";
  options.at(*stage).reset = Share(*percent);
  return "";
}

SinkCommand parse_sink(int argc, const char* const* argv) {
  std::array<text::Option, SinkOption::kOptionCount> options = {{{"--listen", "ADDRESS:PORT"},
                                                                 {"--ledger", "ADDRESS:PORT"},
                                                                 {"--threads", "N"},
                                                                 {"--hostname", "NAME"},
                                                                 {"--size", "BYTES"},
                                                                 {"--tls", "none, starttls or implicit"},
                                                                 {"--certificate", "FILE"},
                                                                 {"--key", "FILE"},
                                                                 {"--auth", "off, on or required"},
                                                                 {"--without", "EXTENSION"},
                                                                 {"--delay", "STAGE=MS"},
                                                                 {"--refuse", "STAGE=CODE:PERCENT"},
                                                                 {"--reset", "STAGE:PERCENT"},
                                                                 {"--json", ""}}};
  text::Words words(argv + 1, argv + argc);
  for (std::size_t at = 0; at < words.size();) {
    if (text::is_help(words[at])) {
      SinkCommand command;
      command.kind = SinkCommand::Kind::print;
      command.text = kHelp;
      return command;
    }
    text::Option* option = text::find_option(options, words[at]);
    if (option == nullptr) return sink_error(text::unknown_option(words[at], options));
    if (std::string problem = text::take_option(*option, words, at); !problem.empty()) return sink_error(problem);
  }
  SinkCommand command;
  if (std::string problem = apply_options(options, command); !problem.empty()) return sink_error(problem);
  command.kind = SinkCommand::Kind::run;
  return command;
}

}  // namespace sluice::load
