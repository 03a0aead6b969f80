#include "tools/load/load_options.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/io/address.h"
#include "engine/smtp/command.h"
#include "engine/smtp/path.h"
#include "engine/text/command_words.h"
#include "engine/text/quoted.h"
#include "tools/load/ledger.h"
#include "tools/load/load_help.h"
#include "tools/load/numbers.h"

namespace sluice::load {
namespace {

constexpr std::uint64_t kMessagesDefault = 1000;
constexpr std::uint64_t kMessagesMax = 100'000'000;
constexpr std::uint64_t kRecipientsMax = 1000;
constexpr std::uint64_t kSessionsMax = 50'000;
constexpr std::uint64_t kLoginsMax = 1'000'000;
constexpr std::uint64_t kChunkBytesMin = 1024;
// Replies that are waited for at a time are bounded (smtp/client.cc).
constexpr std::uint64_t kChunksMax = 10'000;
// Of a name or a password: so that they fit into a line.
constexpr std::size_t kLoginBytesMax = 1000;

struct LoadOption {
  enum Index : std::uint8_t {
    kMessages,
    kDuration,
    kRate,
    kArrivals,
    kSeed,
    kSessions,
    kPerConnection,
    kThreads,
    kSize,
    kRecipients,
    kTo,
    kFrom,
    kBdat,
    kChunk,
    kNoPipelining,
    kHello,
    kTls,
    kResume,
    kServerName,
    kAuth,
    kUser,
    kLogins,
    kPassword,
    kAccounts,
    kSink,
    kSettle,
    kTimeout,
    kRun,
    kJson,
    kQuiet,
    kOptionCount,
  };
};

constexpr std::array<std::pair<std::string_view, std::string_view>, LoadOption::kOptionCount> kNames = {
    {{"--messages", "N"},
     {"--duration", "SECONDS"},
     {"--rate", "MESSAGES A SECOND"},
     {"--arrivals", "even or poisson"},
     {"--seed", "N"},
     {"--sessions", "N"},
     {"--per-connection", "N"},
     {"--threads", "N"},
     {"--size", "BYTES"},
     {"--recipients", "N"},
     {"--to", "MAILBOX"},
     {"--from", "MAILBOX"},
     {"--bdat", ""},
     {"--chunk", "BYTES"},
     {"--no-pipelining", ""},
     {"--hello", "NAME"},
     {"--tls", "none, starttls or implicit"},
     {"--resume", ""},
     {"--server-name", "NAME"},
     {"--auth", "none, plain or login"},
     {"--user", "NAME"},
     {"--logins", "N"},
     {"--password", "WORD"},
     {"--accounts", "FILE"},
     {"--sink", "HOST:PORT"},
     {"--settle", "SECONDS"},
     {"--timeout", "SECONDS"},
     {"--run", "HEX"},
     {"--json", ""},
     {"--quiet", ""}}};

std::optional<double> parse_decimal(std::string_view text) {
  double value = 0;
  const auto [end, load_error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (load_error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Applies the options, as they were given, to a command.
class Applied {
 public:
  Applied(const std::array<text::Option, LoadOption::kOptionCount>& given, LoadCommand& command)
      : given_(given), command_(command), options_(command.options) {}

  // What is wrong, or nothing.
  std::string run() {
    how_much();
    messages();
    sessions();
    account();
    if (problem_.empty()) together();
    return problem_;
  }

 private:
  [[nodiscard]] std::optional<std::string_view> value(LoadOption::Index index) const { return given_[index].given; }
  void wrong(LoadOption::Index index, std::string_view what) {
    if (problem_.empty()) problem_ = std::string(kNames[index].first).append(" takes ").append(what);
  }
  template <typename T>
  void number(LoadOption::Index index, std::uint64_t min, std::uint64_t max, T& to) {
    if (!value(index)) return;
    const auto parsed = parse_number(*value(index));
    if (parsed && *parsed >= min && *parsed <= max) {
      to = static_cast<T>(*parsed);
    } else {
      wrong(index, std::to_string(min) + " to " + std::to_string(max));
    }
  }
  void duration(LoadOption::Index index, Duration& to) {
    if (!value(index)) return;
    const auto parsed = parse_decimal(*value(index));
    if (parsed && *parsed >= 0 && *parsed <= 1e6) {
      to = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*parsed));
    } else {
      wrong(index, "seconds, such as 60 or 0.5");
    }
  }
  template <typename T>
  void choice(LoadOption::Index index, std::initializer_list<std::pair<std::string_view, T>> of, T& to) {
    if (!value(index)) return;
    for (const auto& [name, chosen] : of) {
      if (*value(index) != name) continue;
      to = chosen;
      return;
    }
    wrong(index, kNames[index].second);
  }

  void how_much();
  void messages();
  void sessions();
  void account();
  void together();

  const std::array<text::Option, LoadOption::kOptionCount>& given_;
  LoadCommand& command_;
  LoadOptions& options_;
  std::string problem_;
};

void Applied::how_much() {
  if (!value(LoadOption::kDuration)) options_.messages = kMessagesDefault;
  number(LoadOption::kMessages, 1, kMessagesMax, options_.messages);
  duration(LoadOption::kDuration, options_.duration);
  if (value(LoadOption::kRate)) {
    const auto rate = parse_decimal(*value(LoadOption::kRate));
    if (!rate || *rate < 0.001 || *rate > 1e7) wrong(LoadOption::kRate, "messages a second, such as 500 or 0.2");
    options_.rate = rate.value_or(0);
  }
  choice<Arrivals>(LoadOption::kArrivals, {{"even", Arrivals::even}, {"poisson", Arrivals::poisson}},
                   options_.arrivals);
  number(LoadOption::kSeed, 0, UINT64_MAX, options_.seed);
  number(LoadOption::kSessions, 1, kSessionsMax, options_.sessions);
  number(LoadOption::kPerConnection, 1, kMessagesMax, options_.messages_per_connection);
  number(LoadOption::kThreads, 1, 64, command_.threads);
}

void Applied::messages() {
  if (value(LoadOption::kSize)) {
    const auto sizes = Sizes::parse(*value(LoadOption::kSize));
    if (!sizes) wrong(LoadOption::kSize, "bytes: 4096, 4K,64K or 1K-64K; at most 1024M");
    if (sizes) options_.sizes = *sizes;
  }
  number(LoadOption::kRecipients, 1, kRecipientsMax, options_.recipients);
  if (value(LoadOption::kTo)) options_.to = *value(LoadOption::kTo);
  if (value(LoadOption::kFrom)) options_.from = *value(LoadOption::kFrom);
  command_.from_given = value(LoadOption::kFrom).has_value();
  options_.bdat = value(LoadOption::kBdat).has_value();
  options_.pipelining = !value(LoadOption::kNoPipelining);
  if (value(LoadOption::kChunk)) {
    const auto chunk = parse_bytes(*value(LoadOption::kChunk));
    if (!chunk || *chunk < kChunkBytesMin) wrong(LoadOption::kChunk, "1K to 1024M");
    options_.chunk_bytes = chunk.value_or(0);
  }
}

void Applied::sessions() {
  if (value(LoadOption::kHello)) options_.hello = *value(LoadOption::kHello);
  choice<LoadTls>(LoadOption::kTls,
                  {{"none", LoadTls::none}, {"starttls", LoadTls::starttls}, {"implicit", LoadTls::implicit}},
                  options_.tls);
  options_.resume = value(LoadOption::kResume).has_value();
  if (value(LoadOption::kUser) || value(LoadOption::kAccounts)) options_.auth = LoadAuth::plain;
  choice<LoadAuth>(LoadOption::kAuth,
                   {{"none", LoadAuth::none}, {"plain", LoadAuth::plain}, {"login", LoadAuth::login}}, options_.auth);
  if (value(LoadOption::kAccounts)) command_.accounts_file = *value(LoadOption::kAccounts);
  std::uint64_t logins = 1;
  number(LoadOption::kLogins, 1, kLoginsMax, logins);
  if (!value(LoadOption::kUser)) return;
  std::vector<Login> all;
  for (std::uint64_t i = 0; i < logins; ++i)
    all.push_back({expand(*value(LoadOption::kUser), {}, 0, static_cast<std::size_t>(i), {}),
                   std::string(value(LoadOption::kPassword).value_or(""))});
  if (const std::string fault = use_logins(std::move(all), command_); problem_.empty()) problem_ = fault;
}

void Applied::account() {
  if (value(LoadOption::kSink)) command_.ledger = *value(LoadOption::kSink);
  duration(LoadOption::kSettle, command_.settle);
  duration(LoadOption::kTimeout, options_.timeout);
  if (options_.timeout == Duration::zero()) wrong(LoadOption::kTimeout, "more than 0");
  if (value(LoadOption::kRun)) {
    const auto run = parse_number(*value(LoadOption::kRun), 16);
    if (!run || *run == 0) wrong(LoadOption::kRun, "up to 16 hexadecimal digits, not 0");
    options_.run = run.value_or(0);
  }
  command_.json = value(LoadOption::kJson).has_value();
  command_.quiet = value(LoadOption::kQuiet).has_value();
}

// What must fit together.
void Applied::together() {
  const std::string& target = command_.target;
  std::string host = target.substr(0, target.rfind(':'));
  const bool address = io::Address::parse(target).has_value();
  options_.server_name = value(LoadOption::kServerName) ? std::string(*value(LoadOption::kServerName))
                         : address                      ? "localhost"
                                                        : host;
  if (!smtp::is_hello_name(options_.hello)) wrong(LoadOption::kHello, "a host name");
  for (const std::string* text : {&options_.from, &options_.to})
    if (const std::string fault = template_fault(*text); problem_.empty()) problem_ = fault;
  if (!problem_.empty()) return;
  if (options_.to.empty()) wrong(LoadOption::kTo, "a mailbox");
  if (options_.messages * options_.recipients > NumberSet::kNumberMax)
    problem_ = "--messages and --recipients: more than " + std::to_string(NumberSet::kNumberMax) + " copies in all";
  if (options_.recipients > 1 && !options_.to.contains("%i")) problem_ = "--recipients needs %i in --to";
  if (options_.sessions < command_.threads) problem_ = "--threads takes at most as many as there are --sessions";
  if (options_.chunk_bytes > 0 && options_.sizes.max() / options_.chunk_bytes >= kChunksMax)
    problem_ = "--chunk is too small for --size: a message would have more than 10000 chunks";
  if (value(LoadOption::kUser) && value(LoadOption::kAccounts)) problem_ = "--user and --accounts exclude each other";
  if (options_.auth != LoadAuth::none && !value(LoadOption::kUser) && !value(LoadOption::kAccounts))
    problem_ = "--auth needs --user or --accounts";
}

LoadCommand load_error(const std::string& problem) {
  LoadCommand command;
  command.text = text::with_advice("sluice-load", problem);
  return command;
}

}  // namespace

std::string expand(std::string_view text, const MessageId& id, std::uint32_t copy, std::size_t login,
                   const std::vector<Login>& logins) {
  std::string out;
  while (!text.empty()) {
    const std::size_t percent = std::min(text.find('%'), text.size());
    out.append(text.substr(0, percent));
    text.remove_prefix(percent);
    if (text.empty()) break;
    const char what = text.size() > 1 ? text[1] : '%';
    if (what == 'i') out.append(identity_text(id, copy));
    if (what == 'a') out.append(std::to_string(login + 1));
    if (what == 'u' && login < logins.size()) out.append(logins[login].name);
    if (what == '%') out.push_back('%');
    text.remove_prefix(std::min<std::size_t>(2, text.size()));
  }
  return out;
}

std::string template_fault(std::string_view text) {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 2))
    if (at + 1 >= text.size() || !std::string_view("iau%").contains(text[at + 1]))
      return text::in_quotes(text) + " has a % with none of i, a, u and % behind it";
  const MessageId largest{.run = ~std::uint64_t{0}, .number = kMessagesMax, .copies = kRecipientsMax};
  const std::string sample = expand(text, largest, kRecipientsMax, 0, {{.name = "u@client.example", .password = {}}});
  smtp::Mailbox mailbox;
  if (!text.empty() && smtp::parse_mailbox(sample, /*utf8_allowed=*/false, mailbox) != smtp::PathFault::none)
    return text::in_quotes(text) + " gives no mailbox";
  return "";
}

std::expected<std::vector<Login>, std::string> parse_logins(std::string_view text) {
  std::vector<Login> logins;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = take_until(text, '\n');
    if (line.empty()) continue;
    const std::string name(take_until(line, '\t'));
    if (name.empty() || line.empty())
      return std::unexpected("line " + std::to_string(number) + " is not a name, a TAB and a password");
    logins.push_back({.name = name, .password = std::string(line)});
  }
  if (logins.empty()) return std::unexpected("there is no login in it");
  return logins;
}

std::string use_logins(std::vector<Login> logins, LoadCommand& command) {
  LoadOptions& options = command.options;
  options.logins = std::move(logins);
  if (!command.from_given && options.logins.front().name.contains('@')) options.from = "%u";
  for (std::size_t i = 0; i < options.logins.size(); ++i) {
    const Login& login = options.logins[i];
    for (const std::string& word : {login.name, login.password})
      if (word.size() > kLoginBytesMax || word.contains('\0'))
        return "login " + std::to_string(i + 1) + " has a NUL in it, or more than " + std::to_string(kLoginBytesMax) +
               " bytes";
    for (const std::string& text : {options.from, options.to}) {
      smtp::Mailbox mailbox;
      const std::string sample = expand(text, {.number = 1}, 1, i, options.logins);
      if (!sample.empty() && smtp::parse_mailbox(sample, /*utf8_allowed=*/false, mailbox) != smtp::PathFault::none)
        return text::in_quotes(text) + " gives no mailbox with the login " + text::in_quotes(login.name);
    }
  }
  return "";
}

LoadCommand parse_load(int argc, const char* const* argv) {
  std::array<text::Option, LoadOption::kOptionCount> options;
  for (std::size_t i = 0; i < LoadOption::kOptionCount; ++i)
    options[i] = {.name = kNames[i].first, .value = kNames[i].second};
  const text::Words words(argv + 1, argv + argc);
  LoadCommand command;
  for (std::size_t at = 0; at < words.size();) {
    if (text::is_help(words[at])) {
      command.kind = LoadCommand::Kind::print;
      command.text = kLoadHelp;
      return command;
    }
    if (!words[at].starts_with("-")) {
      if (!command.target.empty()) return load_error("one HOST:PORT only");
      command.target = words[at++];
      continue;
    }
    // The null sender is the one value that may be empty.
    if (words[at] == "--from" && at + 1 < words.size() && words[at + 1].empty()) {
      options[LoadOption::kFrom].given = "";
      at += 2;
      continue;
    }
    text::Option* option = text::find_option(options, words[at]);
    if (option == nullptr) return load_error(text::unknown_option(words[at], options));
    if (std::string problem = text::take_option(*option, words, at); !problem.empty()) return load_error(problem);
  }
  if (command.target.empty()) return load_error("HOST:PORT is missing");
  if (std::string problem = Applied(options, command).run(); !problem.empty()) return load_error(problem);
  command.kind = LoadCommand::Kind::run;
  return command;
}

}  // namespace sluice::load
