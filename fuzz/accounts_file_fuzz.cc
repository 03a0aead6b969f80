// Checks that whatever bytes a file of accounts holds, in each of the formats that are imported and as the file of a
// back end:
//   - what comes out is an account with a name that a line has, and either a hash of a known scheme at a bearable cost
//   or
//     a clean password;
//   - refusals have lines that are there, in their order, and say only what our own words are;
//   - a file that parses knows each of its names in any case, and gives the same stand-in for the same name;
//   - a stored password that is taken is checked without an accident where it is cheap, and one that is not is never
//     called wrong.
// Input: a byte that picks the format, then the file.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/store/account_dump.h"
#include "auth/store/passwd_file.h"
#include "auth/store/password_scheme.h"
#include "auth/text.h"
#include "engine/base/check.h"

namespace {

using sluice::auth::Dump;
using sluice::auth::DumpFormat;
using sluice::auth::PasswordMatch;
using sluice::auth::PlainPasswords;
using sluice::auth::Secret;

constexpr std::size_t kLineBytesMax = 65'536;

void check_stored(std::string_view stored) {
  const auto scheme = sluice::auth::scheme_of(stored, PlainPasswords::allowed);
  const auto secret = Secret::make("x");
  CHECK(secret.has_value());
  if (!scheme) {
    CHECK(!scheme.error().empty());
    const auto match = sluice::auth::match_password(stored, *secret, PlainPasswords::allowed);
    CHECK(match.match == PasswordMatch::unknown && match.reason == scheme.error());
    return;
  }
  // The others take long, and are their libraries'.
  const bool cheap = scheme->starts_with("SHA1") || *scheme == "SHA" || scheme->starts_with("SSHA") ||
                     *scheme == "PLAIN" || *scheme == "CLEARTEXT" || *scheme == "CLEAR";
  if (!cheap) return;
  const auto match = sluice::auth::match_password(stored, *secret, PlainPasswords::allowed);
  CHECK(match.match != PasswordMatch::unknown);
}

void check_dump(const Dump& dump, std::string_view text) {
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 2;
  for (const auto& account : dump.accounts) {
    CHECK(account.line > 0 && account.line <= lines);
    CHECK(account.hash.empty() == account.clear.has_value());
    if (!account.clear) CHECK(sluice::auth::scheme_of(account.hash, PlainPasswords::refused).has_value());
    CHECK(account.name.size() <= 2 * kLineBytesMax);
  }
  std::size_t last = 0;
  for (const auto& refusal : dump.refusals) {
    CHECK(refusal.line >= last && refusal.line <= lines && !refusal.why.empty());
    CHECK(sluice::auth::is_clean_text(refusal.why));
    last = refusal.line;
  }
}

void check_file(std::string_view text) {
  const auto file = sluice::auth::PasswdFile::parse(text);
  if (!file) {
    CHECK(!file.error().empty() && sluice::auth::is_clean_text(file.error()));
    return;
  }
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const auto entry = sluice::auth::parse_passwd_line(text.substr(0, end));
    text.remove_prefix(end + 1);
    CHECK(entry.has_value());
    if (!entry->has_value()) continue;
    const auto* const found = file->find(sluice::auth::ascii_lower((*entry)->name));
    CHECK(found != nullptr && sluice::auth::equal_ignoring_case(found->name, (*entry)->name));
    const auto* const stand_in = file->stand_in((*entry)->name);
    CHECK(stand_in == nullptr || !stand_in->locked());
    CHECK((*entry)->locked() || stand_in != nullptr || found->locked());
    check_stored((*entry)->password);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(data + 1, data + size);
  switch (data[0] % 6) {
    case 0:
      check_dump(read_dump(DumpFormat::passwd_file, text), text);
      break;
    case 1:
      check_dump(read_dump(DumpFormat::htpasswd, text), text);
      break;
    case 2:
      check_dump(read_dump(DumpFormat::sasldb, text), text);
      break;
    case 3:
      check_dump(read_dump(DumpFormat::csv, text), text);
      break;
    case 4:
      check_file(text);
      break;
    default:
      check_stored(text);
  }
  return 0;
}
