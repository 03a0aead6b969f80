#include "auth/store/account_dump.h"

#include <algorithm>
#include <array>
#include <utility>

#include "auth/store/dump_reader.h"
#include "auth/store/passwd_file.h"
#include "auth/store/password_scheme.h"

namespace sluice::auth {
namespace {

void read_passwd(Dump& dump, std::string_view text, bool has_extra) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto entry = parse_passwd_line(take_dump_line(text));
    if (!entry) {
      refuse(dump, number, "", entry.error());
      continue;
    }
    if (!entry->has_value()) continue;
    PasswdEntry& found = **entry;
    if (found.locked()) {
      refuse(dump, number, found.name, "it is locked, or has no password");
      continue;
    }
    DumpedAccount account{.line = number, .name = std::move(found.name)};
    if (has_extra) {
      account.customer = std::move(found.customer);
      account.status = found.no_login ? AccountStatus::suspended : AccountStatus::active;
    }
    add_stored(dump, std::move(account), found.password);
  }
}

constexpr std::array kFormats{std::pair(std::string_view("passwd-file"), DumpFormat::passwd_file),
                              std::pair(std::string_view("htpasswd"), DumpFormat::htpasswd),
                              std::pair(std::string_view("sasldb"), DumpFormat::sasldb),
                              std::pair(std::string_view("csv"), DumpFormat::csv)};

}  // namespace

std::optional<DumpFormat> dump_format(std::string_view name) {
  for (const auto& [known, format] : kFormats)
    if (known == name) return format;
  return std::nullopt;
}

std::string_view take_dump_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void refuse(Dump& dump, std::size_t line, std::string_view name, std::string_view why) {
  dump.refusals.push_back({.line = line, .name = std::string(name), .why = std::string(why)});
}

void add_stored(Dump& dump, DumpedAccount account, std::string_view stored) {
  if (auto clear = clear_password(stored)) {
    account.clear = std::move(clear);
  } else if (const auto scheme = scheme_of(stored, PlainPasswords::refused)) {
    account.hash = stored;
  } else {
    refuse(dump, account.line, account.name, "its password cannot be taken: " + std::string(scheme.error()));
    return;
  }
  dump.accounts.push_back(std::move(account));
}

void add_clear(Dump& dump, DumpedAccount account, std::string_view secret) {
  account.clear = Secret::make(secret);
  if (account.clear) {
    dump.accounts.push_back(std::move(account));
  } else {
    refuse(dump, account.line, account.name,
           "its password cannot be one: that takes 1 to 1024 bytes of UTF-8 without control characters");
  }
}

Dump read_dump(DumpFormat format, std::string_view text) {
  Dump dump;
  switch (format) {
    case DumpFormat::passwd_file:
      read_passwd(dump, text, true);
      break;
    case DumpFormat::htpasswd:
      read_passwd(dump, text, false);
      break;
    case DumpFormat::sasldb:
      read_sasldb(dump, text);
      break;
    case DumpFormat::csv:
      read_csv(dump, text);
      break;
  }
  return dump;
}

}  // namespace sluice::auth
