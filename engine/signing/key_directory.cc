#include "engine/signing/key_directory.h"

#include <algorithm>
#include <utility>

#include "engine/io/files.h"
#include "engine/signing/pem.h"
#include "engine/smtp/base64.h"

namespace sluice::signing {
namespace {

constexpr std::size_t kKeyFileBytesMax = 64 * 1024;
constexpr std::string_view kPem = ".pem";
constexpr std::string_view kDer = ".der";

std::expected<dkim::KeyDer, std::string> read_key(const std::string& path) {
  auto bytes = io::read_private_file(path, kKeyFileBytesMax);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  const dkim::KeyDer read(*bytes);
  smtp::wipe(*bytes);
  if (path.ends_with(kDer)) return dkim::KeyDer(read.reveal());
  auto key = key_of_pem(read.reveal());
  if (!key) return std::unexpected(path + ": " + key.error());
  return key;
}

}  // namespace

std::expected<std::vector<dkim::StoredKey>, std::string> KeyDirectory::keys_of(std::string_view domain) {
  const std::string folder = directory_ + "/" + std::string(domain);
  const auto names = io::list_files(folder);
  if (!names) return std::unexpected(names.error());
  std::vector<dkim::StoredKey> keys;
  for (const std::string& name : *names) {
    const std::string_view ending = std::string_view(name).substr(name.size() - std::min(name.size(), kPem.size()));
    if ((ending != kPem && ending != kDer) || name.size() == ending.size()) continue;
    auto key = read_key(folder + "/" + name);
    if (!key) return std::unexpected(std::move(key.error()));
    keys.push_back({.selector = name.substr(0, name.size() - ending.size()), .der = *std::move(key)});
  }
  return keys;
}

}  // namespace sluice::signing
