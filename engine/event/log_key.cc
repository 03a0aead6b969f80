#include "engine/event/log_key.h"

#include <charconv>
#include <cstddef>
#include <string_view>

#include "engine/io/files.h"
#include "engine/text/hex.h"

namespace sluice::event {
namespace {

constexpr std::string_view kFileName = "log_key";
constexpr std::size_t kDigitsPerByte = 2;
constexpr std::size_t kKeyFileBytesMax = 256;

bool parse_hex(std::string_view text, PrivacyKey& key) {
  if (text.size() != key.size() * kDigitsPerByte) return false;
  for (std::size_t i = 0; i < key.size(); ++i) {
    unsigned value = 0;
    const char* const begin = text.data() + i * kDigitsPerByte;
    const auto [end, error] = std::from_chars(begin, begin + kDigitsPerByte, value, 16);
    if (error != std::errc() || end != begin + kDigitsPerByte) return false;
    key[i] = static_cast<std::byte>(value);
  }
  return true;
}

}  // namespace

std::expected<PrivacyKey, std::string> log_key(const std::string& state_dir, io::Random& random) {
  const std::string path = log_key_file(state_dir);
  if (!io::stamp_file(path).exists) {
    PrivacyKey key{};
    random.fill(key);
    if (auto made = io::write_new_files(state_dir, {{.name = std::string(kFileName), .text = text::hex(key) + "\n"}});
        !made)
      return std::unexpected(made.error());
    return key;
  }
  return read_log_key(path);
}

std::string log_key_file(const std::string& state_dir) { return state_dir + "/" + std::string(kFileName); }

std::expected<PrivacyKey, std::string> read_log_key(const std::string& path) {
  PrivacyKey key{};
  const auto text = io::read_secret(path, kKeyFileBytesMax);
  if (!text) return std::unexpected(text.error());
  if (!parse_hex(*text, key)) return std::unexpected(path + ": is no key of 64 hexadecimal digits");
  return key;
}

}  // namespace sluice::event
