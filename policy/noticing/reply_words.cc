#include "policy/noticing/reply_words.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace sluice::noticing {
namespace {

// What large providers, Postfix, Exim, Exchange and lists of addresses say; in small letters.
constexpr std::array<std::string_view, 22> kSpamWords = {
    "spam",       "unsolicited",     "blacklist",          "blocklist", "block list", "black list",
    "reputation", "bulk mail",       "bulk email",         "junk mail", "phish",      "dnsbl",
    "spamhaus",   "spamcop",         "barracuda",          "surbl",     "uribl",      "s3140",
    "complaint",  "message content", "suspicious content", "abusive"};
constexpr std::array<std::string_view, 14> kUnknownWords = {
    "user unknown",   "unknown user",        "no such user",        "does not exist",    "doesn't exist",
    "no mailbox",     "mailbox not found",   "recipient unknown",   "unknown recipient", "invalid recipient",
    "user not found", "recipient not found", "mailbox unavailable", "no such recipient"};
// RFC 3463: bad mailbox, bad system address, a mailbox that has moved, null MX (RFC 7505).
constexpr std::array<std::string_view, 5> kUnknownCodes = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"};

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// The word at `at`, up to the blanks around it.
std::string_view around(std::string_view text, std::size_t at) {
  const std::size_t begin = text.find_last_of(" \t\r\n", at) + 1;  // npos + 1 is 0
  return text.substr(begin, text.find_first_of(" \t\r\n", at) - begin);
}

// Not within an address: a reply repeats the recipient's, as in "<no-spam@example.com>: user unknown".
bool says(std::string_view text, std::string_view word) {
  for (std::size_t from = 0; from < text.size();) {
    const auto found = std::ranges::search(text.substr(from), word, [](char a, char b) { return small(a) == b; });
    if (found.empty()) return false;
    const auto at = static_cast<std::size_t>(found.data() - text.data());
    if (!around(text, at).contains('@')) return true;
    from = at + 1;
  }
  return false;
}

bool says_any(std::string_view text, std::span<const std::string_view> words) {
  return std::ranges::any_of(words, [text](std::string_view word) { return says(text, word); });
}

bool has_code(std::string_view text, std::string_view code) {
  return text.starts_with(code) && (text.size() == code.size() || text[code.size()] == ' ' ||
                                    text[code.size()] == '\r' || text[code.size()] == '\n');
}

}  // namespace

OutcomeKind outcome_of_reply(int code, std::string_view text) {
  if (code >= 200 && code < 300) return OutcomeKind::accepted;
  if (code < 400 || code > 599) return OutcomeKind::other;
  // First: a recipient that is refused with an address of our sender's list is not unknown.
  if (says_any(text, kSpamWords)) return OutcomeKind::spam;
  // 5.7: not for this sender, which says nothing of the mailbox.
  if (code < 500 || text.starts_with("5.7.")) return OutcomeKind::other;
  if (std::ranges::any_of(kUnknownCodes, [text](std::string_view each) { return has_code(text, each); }))
    return OutcomeKind::unknown;
  return says_any(text, kUnknownWords) ? OutcomeKind::unknown : OutcomeKind::other;
}

}  // namespace sluice::noticing
