#include "engine/cli/account_grammar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "auth/store/account_dump.h"
#include "engine/cli/account_table.h"
#include "engine/text/command_words.h"

namespace sluice::cli {
namespace {

using text::is_help;

ParsedAccountCommand help(std::string text) {
  return {.kind = ParsedAccountCommand::Kind::help, .request = {}, .text = std::move(text)};
}

ParsedAccountCommand error(const std::string& what, const std::string& remedy) {
  return {
      .kind = ParsedAccountCommand::Kind::error, .request = {}, .text = "sluicectl: " + what + "; " + remedy + "\n"};
}

std::string name_of(const AccountCommand& command) {
  return std::string(command.object_name) + " " + std::string(command.verb_name);
}

ParsedAccountCommand error_in(const AccountCommand& command, const std::string& what) {
  return error(name_of(command) + ": " + what, "see: sluicectl " + name_of(command) + " --help");
}

std::string overview_of(std::string_view object) {
  std::string text;
  for (const AccountCommand& command : kAccountCommands) {
    const bool below = command.object_name.starts_with(std::string(object) + " ");
    if (!object.empty() && command.object_name != object && !below) continue;
    std::string line = "  sluicectl " + name_of(command);
    if (!command.operand.empty()) (line += ' ') += command.operand;
    constexpr std::size_t kSummaryColumn = 40;
    line.resize(std::max(line.size() + 2, kSummaryColumn), ' ');
    text += line + std::string(command.summary) + "\n";
  }
  return text;
}

std::string object_help(std::string_view object) {
  return "Usage: sluicectl " + std::string(object) + " COMMAND\n\n" + overview_of(object) +
         "\nMore about each: sluicectl " + std::string(object) + " COMMAND --help\n";
}

std::string take_device_option(const AccountOptionText& option, std::string_view value, AccountRequest& request) {
  constexpr std::uint32_t kDaysMax = 36'500;
  if (option.option == kOptionDeviceName) request.device_name = value;
  if (option.option == kOptionNetwork) request.networks.emplace_back(value);
  if (option.option == kOptionSender) request.senders.emplace_back(value);
  if (option.option != kOptionExpires) return "";
  std::uint32_t days = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), days);
  if (error != std::errc() || end != value.data() + value.size() || days == 0 || days > kDaysMax)
    return "--expires takes a number of days, 1 to " + std::to_string(kDaysMax);
  request.expires_days = days;
  return "";
}

std::string take_check_option(const AccountOptionText& option, std::string_view value, AccountRequest& request) {
  if (option.option == kOptionAddress) request.addresses.emplace_back(value);
  if (option.option == kOptionSelector) request.selectors.push_back({.selector = std::string(value)});
  if (option.option == kOptionMailFrom) request.mail_from = value;
  if (option.option == kOptionSigningDomain) request.signing_domain = value;
  if (option.option != kOptionPublicKeyFile) return "";
  if (request.selectors.empty() || !request.selectors.back().public_key_file.empty())
    return "--public-key-file belongs to the --selector in front of it";
  request.selectors.back().public_key_file = value;
  return value.empty() ? "--public-key-file needs the name of a file" : "";
}

std::string take_key_option(const AccountOptionText& option, std::string_view value, AccountRequest& request) {
  if (option.option == kOptionOutput) request.output = value;
  if (option.option == kOptionOldKeyFile) request.old_key_file = value;
  if (option.option == kOptionKeyTable) request.key_table = value;
  if (option.option == kOptionSigningTable) request.signing_table = value;
  if (option.option == kOptionSelectorMap) request.selector_map = value;
  if (option.option == kOptionPathMap) request.path_map = value;
  if (option.option == kOptionPem) request.pem = value;
  if (option.option != kOptionAlgorithm) return "";
  if (value != "rsa-sha256" && value != "ed25519-sha256") return "--algorithm takes rsa-sha256 or ed25519-sha256";
  request.algorithm = value;
  return "";
}

std::string take_state_option(const AccountOptionText& option, std::string_view value, AccountRequest& request) {
  if (option.option != kOptionState) return "";
  constexpr std::array<std::string_view, 4> kStates{"new", "proven", "asserted", "failing"};
  if (std::ranges::find(kStates, value) == kStates.end()) return "--state takes new, proven, asserted or failing";
  request.state = value;
  return "";
}

// Takes an operand, or an option with its value; moves `rest` past it. Says what is wrong, or
// nothing.
std::string take_option(std::span<const std::string_view>& rest, AccountRequest& request) {
  std::string_view word = rest.front();
  rest = rest.subspan(1);
  std::optional<std::string_view> value;
  if (const std::size_t equals = word.find('='); equals != std::string_view::npos) {
    value = word.substr(equals + 1);
    word = word.substr(0, equals);
  }
  if (word == "--password") {
    return "a password is not given on the command line, where others can see it; use "
           "--password-stdin";
  }
  const auto known = std::ranges::find(kAccountOptions, word, &AccountOptionText::name);
  if (known == kAccountOptions.end() || (request.command->options & known->option) == 0) {
    return "there is no option " + std::string(word.substr(0, 40)) + " here";
  }
  constexpr auto kRepeatable =
      kOptionOnly | kOptionNetwork | kOptionSender | kOptionAddress | kOptionSelector | kOptionPublicKeyFile;
  const bool repeated = request.has(known->option) && (known->option & kRepeatable) == 0;
  if (repeated) return std::string(word) + " is given twice";
  request.given |= known->option;
  if (known->value.empty()) return value ? std::string(word) + " takes no value" : "";
  if (!value) {
    if (rest.empty()) return std::string(word) + " needs a value: " + std::string(known->value);
    value = rest.front();
    rest = rest.subspan(1);
  }
  if (known->option == kOptionCustomer) request.customer = *value;
  if (known->option == kOptionOnly) request.only.emplace_back(*value);
  if (known->option == kOptionReason) request.reason = *value;
  if (known->option == kOptionFormat) request.format = *value;
  if (known->option == kOptionCustomerFrom) request.customer_from = *value;
  if (known->option == kOptionFrom) request.from = *value;
  if (known->option == kOptionTo) request.to = *value;
  if (known->option == kOptionFingerprint) request.fingerprint = *value;
  if (known->option == kOptionClass) request.policy_class = *value;
  if (known->option == kOptionSignAs) request.sign_as = *value;
  if (std::string wrong = take_check_option(*known, *value, request); !wrong.empty()) return wrong;
  if (known->option == kOptionTime)
    if (std::string wrong = read_time_form(*value, request.time); !wrong.empty()) return wrong;
  if (std::string wrong = take_state_option(*known, *value, request); !wrong.empty()) return wrong;
  if (std::string wrong = take_key_option(*known, *value, request); !wrong.empty()) return wrong;
  return take_device_option(*known, *value, request);
}

std::string check_import(const AccountRequest& request) {
  if (!auth::dump_format(request.format)) return "--format takes passwd-file, htpasswd, sasldb or csv";
  if (request.has(kOptionCustomerFrom) && request.customer_from != "domain") return "--customer-from takes domain";
  if (request.has(kOptionCustomer) == request.has(kOptionCustomerFrom))
    return "needs either --customer NAME or --customer-from domain";
  return "";
}

std::string check_key_import(const AccountRequest& request) {
  if (request.has(kOptionKeyTable) != request.has(kOptionSigningTable))
    return "--opendkim-key-table and --signing-table go together";
  const bool maps = request.has(kOptionSelectorMap) || request.has(kOptionPathMap);
  if (int{request.has(kOptionKeyTable)} + int{maps} + int{request.has(kOptionPem)} != 1)
    return "needs --opendkim-key-table FILE with --signing-table FILE, --rspamd-selector-map FILE or --rspamd-path-map "
           "FILE or both, or --pem DIRECTORY";
  return "";
}

// What is missing, or what does not go together.
std::string check(const AccountRequest& request) {
  const AccountCommand& command = *request.command;
  if (!command.operand.empty() && !command.operand.starts_with('[') && request.operand.empty())
    return "needs a " + std::string(command.operand);
  for (const AccountOptionText& option : kAccountOptions) {
    if ((command.required & option.option & ~request.given) != 0) {
      return "needs " + std::string(option.name) + " " + std::string(option.value);
    }
  }
  if (request.has(kOptionGenerate) && request.has(kOptionPasswordStdin)) {
    return "--generate and --password-stdin exclude each other";
  }
  if (command.object == AccountObject::device && request.has(kOptionDeviceName) && request.device_name.empty())
    return "--name takes a name";
  if (command.verb == AccountVerb::narrow && request.has(kOptionOnly) == request.has(kOptionAnyDomain)) {
    return "needs either --only DOMAIN or --any-domain";
  }
  if (command.object == AccountObject::customer && command.verb == AccountVerb::set &&
      request.has(kOptionClass) == request.has(kOptionSignAs))
    return "needs either --class CLASS or --sign-as DOMAIN";
  if (request.has(kOptionSignAs) && request.sign_as.empty()) return "--sign-as takes a domain, or none";
  if (command.verb == AccountVerb::limit && request.limits.empty()) return "needs a LIMIT, such as recipients/day=1000";
  if (command.verb == AccountVerb::check_dns && request.has(kOptionAll) == !request.domains.empty())
    return "needs either DOMAINs or --all";
  if (request.has(kOptionProve) && request.has(kOptionNoKeys))
    return "--prove and --no-keys exclude each other: keys are made once the domain is proven";
  if (request.has(kOptionJson) && request.has(kOptionZone)) return "--json and --zone exclude each other";
  if (request.has(kOptionOutput) && request.has(kOptionUpdate)) return "--output and --update exclude each other";
  if (request.has(kOptionJson) && request.has(kOptionTime))
    return "takes no --time with --json: there, moments are RFC 3339, in UTC";
  if (request.has(kOptionOutput) && request.output.empty()) return "--output takes the path of a file";
  if (command.verb == AccountVerb::import_keys) return check_key_import(request);
  if (command.verb == AccountVerb::import_file) return check_import(request);
  if (command.verb == AccountVerb::copy && request.from == request.to) return "needs --from STORE, --to STORE, or both";
  return "";
}

ParsedAccountCommand parse_rest(const AccountCommand& command, std::span<const std::string_view> rest) {
  AccountRequest request{.command = &command};
  bool operands_only = false;
  bool operand_seen = false;
  while (!rest.empty()) {
    const std::string_view word = rest.front();
    if (!operands_only && is_help(word)) return help(account_command_help(command));
    if (!operands_only && word.starts_with('-')) {
      if (word == "--") {
        operands_only = true;
        rest = rest.subspan(1);
        continue;
      }
      if (const std::string wrong = take_option(rest, request); !wrong.empty()) return error_in(command, wrong);
      continue;
    }
    if (command.verb == AccountVerb::check_dns && !word.empty()) {
      request.domains.emplace_back(word);
      rest = rest.subspan(1);
      continue;
    }
    if (operand_seen && command.verb == AccountVerb::limit) {
      request.limits.emplace_back(word);
      rest = rest.subspan(1);
      continue;
    }
    if (operand_seen || command.operand.empty()) {
      return error_in(command, command.operand.empty() ? "takes no operand" : "takes one operand only");
    }
    // Else an empty variable of a script would stand for all.
    if (word.empty() && command.operand.starts_with('[')) return error_in(command, "the operand is empty");
    request.operand = word;
    operand_seen = true;
    rest = rest.subspan(1);
  }
  if (const std::string wrong = check(request); !wrong.empty()) return error_in(command, wrong);
  return {.kind = ParsedAccountCommand::Kind::request, .request = std::move(request), .text = {}};
}

}  // namespace

bool is_account_object(std::string_view word) {
  return std::ranges::find(kAccountCommands, word, &AccountCommand::object_name) != kAccountCommands.end();
}

namespace {

// "account device" and "account certificate" are objects of two words.
std::string_view object_of(std::span<const std::string_view>& args) {
  if (args.front() != "account" || args.size() < 2) return args.front();
  for (const std::string_view object : {"account device", "account certificate"}) {
    if (!object.ends_with(std::string(" ").append(args[1]))) continue;
    args = args.subspan(1);
    return object;
  }
  return args.front();
}

}  // namespace

std::string account_commands_overview() { return overview_of(""); }

ParsedAccountCommand parse_account_command(std::span<const std::string_view> args) {
  if (args.empty() || !is_account_object(args.front())) {
    return error("expected customer, domain, account or store", "see: sluicectl --help");
  }
  const std::string_view object = object_of(args);
  const std::string see = "see: sluicectl " + std::string(object) + " --help";
  if (args.size() == 1) return error(std::string(object) + ": a command is missing", see);
  if (is_help(args[1])) return help(object_help(object));
  const auto command = std::ranges::find_if(kAccountCommands, [&](const AccountCommand& candidate) {
    return candidate.object_name == object && candidate.verb_name == args[1];
  });
  if (command == kAccountCommands.end()) {
    return error(std::string(object) + ": there is no such command", see);
  }
  return parse_rest(*command, args.subspan(2));
}

}  // namespace sluice::cli
