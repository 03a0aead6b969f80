#include "engine/zone_update/tsig_key.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "engine/io/dns.h"
#include "engine/io/files.h"
#include "engine/smtp/base64.h"

namespace sluice::zone_update {
namespace {

constexpr std::size_t kKeyFileBytesMax = 4096;
constexpr std::array<std::string_view, 2> kAlgorithms{"hmac-sha256", "hmac-sha512"};

// Words of BIND's syntax and of Knot's alike, without comments.  Base64 may begin with "//".
std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n{};\"'";
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    if (text.starts_with('#')) {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
      continue;
    }
    const std::string_view word = text.substr(0, text.find_first_of(kBetween));
    words.push_back(word);
    text.remove_prefix(word.size());
  }
}

// The word behind one of these two; nothing: there is none, or another one, too.
std::optional<std::string_view> word_behind(const std::vector<std::string_view>& words, std::string_view bind,
                                            std::string_view knot) {
  std::optional<std::string_view> found;
  for (std::size_t at = 0; at + 1 < words.size(); ++at) {
    if (words[at] != bind && words[at] != knot) continue;
    if (found) return std::nullopt;
    found = words[++at];
  }
  return found;
}

}  // namespace

std::expected<TsigKey, std::string> parse_tsig_key(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  const auto name = word_behind(words, "key", "id:");
  const auto algorithm = word_behind(words, "algorithm", "algorithm:");
  const auto secret = word_behind(words, "secret", "secret:");
  if (!name || !algorithm || !secret)
    return std::unexpected(
        "is not one key with its name, algorithm and secret; make one with: tsig-keygen, or keymgr "
        "-t");
  const std::string folded = io::fold_dns_name(*name);
  if (!io::dns_host_name(folded)) return std::unexpected("has a key whose name is none of the DNS");
  if (std::ranges::find(kAlgorithms, *algorithm) == kAlgorithms.end())
    return std::unexpected(
        "has a key of another algorithm than hmac-sha256 or hmac-sha512; make one with: tsig-keygen "
        "-a hmac-sha256");
  std::string bytes;
  bytes.reserve(secret->size());
  const bool is_base64 = smtp::decode_base64(*secret, bytes) && !bytes.empty();
  smtp::wipe(bytes);
  auto kept = auth::Secret::make_token(*secret);
  if (!is_base64 || !kept) return std::unexpected("has a secret that is no base64");
  return TsigKey{.name = folded, .algorithm = std::string(*algorithm), .secret = *std::move(kept)};
}

std::expected<TsigKey, std::string> read_tsig_key(const std::string& file) {
  auto text = io::read_closed_secret(file, kKeyFileBytesMax);
  if (!text) return std::unexpected(text.error());
  auto key = parse_tsig_key(*text);
  smtp::wipe(*text);
  if (!key) return std::unexpected(file + " " + key.error());
  return key;
}

}  // namespace sluice::zone_update
