#include "auth/store/passwd_file.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/domain_list.h"
#include "auth/secret.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::size_t kExtraField = 7;

std::string_view take_until(std::string_view& text, std::string_view ends) {
  const std::size_t end = text.find_first_of(ends);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

bool is_control(char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7F'; }

// False where a domain is none.
bool read_extra(std::string_view field, PasswdEntry& entry) {
  const std::string_view key = take_until(field, "=");
  if (key == "customer") entry.customer = field;
  if (key == "nologin") entry.no_login = true;
  if (key == "reason") entry.reason = field;
  if (key != "domains") return true;
  while (!field.empty()) {
    auto domain = canonical_domain_entry(take_until(field, ","));
    if (!domain) return false;
    entry.domains.push_back(*std::move(domain));
  }
  return true;
}

}  // namespace

PasswdEntry::~PasswdEntry() { wipe_bytes(password.data(), password.size()); }

bool PasswdEntry::locked() const { return password.empty() || password.starts_with('*') || password.starts_with('!'); }

std::expected<std::optional<PasswdEntry>, std::string_view> parse_passwd_line(std::string_view line) {
  if (line.size() > kPasswdLineBytesMax) return std::unexpected("it is too long");
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find_first_not_of(kBlanks) == std::string_view::npos || line.starts_with('#')) return std::nullopt;
  if (std::ranges::any_of(line, is_control)) return std::unexpected("it has a control character");
  if (line.find(':') == std::string_view::npos) return std::unexpected("it has no colon");
  PasswdEntry entry;
  entry.name = take_until(line, ":");
  if (!Name::make(entry.name)) return std::unexpected("it has no name that a login can have");
  entry.password = take_until(line, ":");
  for (std::size_t field = 2; field < kExtraField; ++field) take_until(line, ":");
  while (!line.empty())
    if (!read_extra(take_until(line, kBlanks), entry)) return std::unexpected("its domains= has one that is none");
  return entry;
}

std::expected<PasswdFile, std::string> PasswdFile::parse(std::string_view text) {
  PasswdFile file;
  if (!text.empty() && !text.ends_with('\n'))
    return std::unexpected("its last line has no end, as if it were not all there");
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto entry = parse_passwd_line(take_until(text, "\n"));
    if (!entry) return std::unexpected(absl::StrCat("line ", number, ": ", std::string(entry.error())));
    if (!entry->has_value()) continue;
    const auto [at, is_new] = file.by_name_.emplace(ascii_lower((*entry)->name), file.entries_.size());
    if (!is_new) continue;
    if (!(*entry)->locked()) file.open_.push_back(file.entries_.size());
    file.entries_.push_back(**std::move(entry));
  }
  return file;
}

const PasswdEntry* PasswdFile::find(std::string_view name) const {
  const auto found = by_name_.find(ascii_lower(name));
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

const PasswdEntry* PasswdFile::stand_in(std::string_view name) const {
  if (open_.empty()) return nullptr;
  return &entries_[open_[std::hash<std::string>()(ascii_lower(name)) % open_.size()]];
}

}  // namespace sluice::auth
