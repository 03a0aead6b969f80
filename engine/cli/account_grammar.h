// The command lines of sluicectl that are about accounts: what there is, how it is written, and the
// help for it. Pure: values in, values out. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/moment.h"

namespace sluice::cli {

enum class AccountObject : std::uint8_t { customer, domain, account, device, certificate, store };
enum class AccountVerb : std::uint8_t {
  add,
  list,
  show,
  suspend,
  hold,
  activate,
  narrow,
  password,
  remove,
  revoke,
  import_file,
  copy,
  set,
  limit,
  check_dns,
  records,
  zone,
  rotate,
  rewrap,
  import_keys,
  prove,
};

// Options, as bits of a set.
enum AccountOption : std::uint64_t {
  kOptionCustomer = 1U << 0U,
  kOptionOnly = 1U << 1U,
  kOptionAnyDomain = 1U << 2U,
  kOptionGenerate = 1U << 3U,
  kOptionPasswordStdin = 1U << 4U,
  kOptionRecursive = 1U << 5U,
  kOptionReason = 1U << 6U,
  kOptionJson = 1U << 7U,
  kOptionDeviceName = 1U << 12U,
  kOptionExpires = 1U << 13U,
  kOptionNetwork = 1U << 14U,
  kOptionSender = 1U << 15U,
  kOptionFormat = 1U << 8U,
  kOptionCustomerFrom = 1U << 9U,
  kOptionDryRun = 1U << 10U,
  kOptionFrom = 1U << 16U,
  kOptionTo = 1U << 17U,
  kOptionForce = 1U << 18U,
  kOptionCramMd5 = 1U << 19U,
  kOptionFingerprint = 1U << 20U,
  kOptionClass = 1U << 21U,
  kOptionAll = 1U << 26U,
  kOptionAddress = 1U << 27U,
  kOptionSelector = 1U << 28U,
  kOptionPublicKeyFile = 1U << 29U,
  kOptionMailFrom = 1U << 30U,
  kOptionSigningDomain = 1U << 31U,
  kOptionZone = 1U << 22U,
  kOptionNoKeys = 1U << 23U,
  kOptionAlgorithm = 1U << 24U,
  kOptionSeen = 1U << 25U,
  kOptionOutput = std::uint64_t{1} << 32U,
  kOptionOldKeyFile = std::uint64_t{1} << 33U,
  kOptionKeyTable = std::uint64_t{1} << 34U,
  kOptionSigningTable = std::uint64_t{1} << 35U,
  kOptionPem = std::uint64_t{1} << 36U,
  kOptionSelectorMap = std::uint64_t{1} << 37U,
  kOptionPathMap = std::uint64_t{1} << 38U,
  kOptionProve = std::uint64_t{1} << 39U,
  kOptionState = std::uint64_t{1} << 40U,
  kOptionUpdate = std::uint64_t{1} << 41U,
  kOptionTime = std::uint64_t{1} << 42U,
  kOptionSignAs = std::uint64_t{1} << 43U,
};

struct AccountCommand {
  AccountObject object;
  AccountVerb verb;
  std::string_view object_name;
  std::string_view verb_name;
  std::string_view operand;    // what its operand stands for; empty if it takes none
  std::uint64_t options = 0;   // those that it takes
  std::uint64_t required = 0;  // those that it cannot do without
  std::string_view summary;
  std::string_view description;
  std::string_view example;
};

// A key of DKIM, of `domain check`.
struct SelectorOption {
  std::string selector;
  std::string public_key_file;  // empty: not given
};

struct AccountRequest {
  const AccountCommand* command = nullptr;
  std::string operand;
  std::uint64_t given = 0;  // options
  std::optional<std::string> customer;
  std::vector<std::string> only;
  std::string reason;
  // Of a device.
  std::string device_name;
  std::optional<std::uint32_t> expires_days;
  std::vector<std::string> networks;
  std::vector<std::string> senders;
  std::string fingerprint;          // of a certificate
  std::string policy_class;         // empty: none
  std::string sign_as;              // a domain, or "none"
  std::vector<std::string> limits;  // what stands behind the operand of limit, each as parse_limit_change() takes it
  std::string format;               // of import: one that auth::dump_format() knows
  std::string customer_from;        // of import: "domain", or empty
  // Of a copy: the path of a file, "config:FILE", or empty: the one that is configured.
  std::string from;
  std::string to;
  // Of the check of domains.
  std::vector<std::string> domains;  // all operands
  std::vector<std::string> addresses;
  std::vector<SelectorOption> selectors;
  std::string mail_from;
  std::string signing_domain;

  std::string state;  // of a list of domains: one that domain_state() knows; empty: all
  TimeForm time = TimeForm::local;

  // Of domains' keys.
  std::string algorithm;     // as dkim::name() has it
  std::string output;        // the path of a zone file
  std::string old_key_file;  // what keys are sealed with
  // What keys are imported from.
  std::string key_table;
  std::string signing_table;
  std::string selector_map;
  std::string path_map;
  std::string pem;  // a directory

  [[nodiscard]] bool has(AccountOption option) const { return (given & option) != 0; }
};

// What a command line came to: a request, or a text to print (help: exit 0; an error: exit 2).
struct ParsedAccountCommand {
  enum class Kind : std::uint8_t { request, help, error };
  Kind kind = Kind::error;
  AccountRequest request;
  std::string text;
};

// "customer", "domain", "account" or "store"; "account device" and "account certificate" are of their own, of two
// words.
[[nodiscard]] bool is_account_object(std::string_view word);

// `args` begins with the object. An error never repeats an operand or value that it did not expect:
// it could be a password.
[[nodiscard]] ParsedAccountCommand parse_account_command(std::span<const std::string_view> args);

// One line a command, for the list that sluicectl --help prints.
[[nodiscard]] std::string account_commands_overview();

}  // namespace sluice::cli
