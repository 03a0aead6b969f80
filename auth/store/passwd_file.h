// Files of accounts, a line each: Dovecot's passwd-file (name:password:uid:gid:gecos:home:shell:extra fields), of which
// Apache's htpasswd (name:password) is a part.  Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::auth {

inline constexpr std::size_t kPasswdFileBytesMax = std::size_t{64} << 20U;
inline constexpr std::size_t kPasswdLineBytesMax = 8192;

struct PasswdEntry {
  std::string name;      // as the file spells it
  std::string password;  // as password_scheme.h takes it
  // Of the extra fields.
  std::string customer;
  std::vector<std::string> domains;
  bool no_login = false;
  std::string reason;  // of no_login

  PasswdEntry() = default;
  PasswdEntry(PasswdEntry&&) = default;
  PasswdEntry& operator=(PasswdEntry&&) = default;
  PasswdEntry(const PasswdEntry&) = delete;
  PasswdEntry& operator=(const PasswdEntry&) = delete;
  ~PasswdEntry();
  // Nothing fits it: there is none, or it is locked as in shadow(5).
  [[nodiscard]] bool locked() const;
};

// Nothing: an empty line or a comment.  An error is a clause that has nothing of the line.
[[nodiscard]] std::expected<std::optional<PasswdEntry>, std::string_view> parse_passwd_line(std::string_view line);

// Immutable once made.
class PasswdFile {
 public:
  // Of a whole file: what may have been cut off is an error, a clause with the number of the line and nothing that
  // stands in it.  Of two lines for one name the first one counts, as with Dovecot.
  [[nodiscard]] static std::expected<PasswdFile, std::string> parse(std::string_view text);

  // In any ASCII case; null: there is none.
  [[nodiscard]] const PasswdEntry* find(std::string_view name) const;
  // For work that an unknown name takes: one that is not locked, the same for the same name, any of them for many.
  [[nodiscard]] const PasswdEntry* stand_in(std::string_view name) const;
  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  std::vector<PasswdEntry> entries_;
  std::unordered_map<std::string, std::size_t> by_name_;  // in lower case
  std::vector<std::size_t> open_;                         // not locked
};

}  // namespace sluice::auth
