#include "auth/oauth/key_set.h"

#include <cjose/jwk.h>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <utility>

#include "auth/oauth/base64url.h"
#include "auth/oauth/json.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kRsaBitsMin = 2048;
constexpr std::size_t kRsaBitsMax = 8192;  // what is longer costs too much to check
constexpr std::size_t kExponentBytesMax = 4;

// Of its use and key_ops (RFC 7517 4.2, 4.3).
bool is_for_signatures(const json_t* key) {
  if (json_member(key, "use") != nullptr && json_string(key, "use") != "sig") return false;
  const json_t* const operations = json_member(key, "key_ops");
  if (operations == nullptr) return true;
  std::size_t index = 0;
  const json_t* each = nullptr;
  json_array_foreach(operations, index, each) {
    if (json_is_string(each) && std::string_view(json_string_value(each)) == "verify") return true;
  }
  return false;
}

// With an exponent of 1 anybody could sign.
bool is_exponent(std::string_view encoded) {
  const auto bytes = decode_base64url(encoded);
  if (!bytes || bytes->empty() || bytes->size() > kExponentBytesMax) return false;
  std::uint64_t value = 0;
  for (const char c : *bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value > 1 && value % 2 == 1;
}

// libcjose ends the process at some texts that are no base64url.
bool are_numbers(const json_t* key, std::initializer_list<const char*> names) {
  return std::ranges::all_of(names, [key](const char* name) {
    const auto text = json_string(key, name);
    return text && decode_base64url(*text);
  });
}

// The key with these members alone, as libcjose reads it: nothing private, nothing that it might take for something.
std::unique_ptr<char, decltype(&std::free)> public_part(const json_t* key, std::initializer_list<const char*> names) {
  const JsonRef part(json_object());
  for (const char* const name : names) json_object_set(part.get(), name, json_object_get(key, name));
  return {json_dumps(part.get(), JSON_COMPACT), &std::free};
}

}  // namespace

void KeySet::Release::operator()(_cjose_jwk_int* key) const { cjose_jwk_release(key); }

std::expected<KeySet::Key, std::string> KeySet::read_key(const void* json) {
  const auto* const from = static_cast<const json_t*>(json);
  if (!json_is_object(from)) return std::unexpected("is no object");
  Key key;
  key.id = json_string(from, "kid").value_or("");
  if (!is_for_signatures(from)) return std::unexpected("is not for signatures");
  if (json_member(from, "alg") != nullptr) {
    key.algorithm = json_string(from, "alg").value_or("");
    if (find_signature_algorithm(key.algorithm) == nullptr)
      return std::unexpected("is for an algorithm of no use here");
  }
  const auto type = json_string(from, "kty");
  const bool rsa = type == "RSA";
  if (!rsa && type != "EC") return std::unexpected("has a type of no use here");
  key.type = rsa ? KeyType::rsa : KeyType::ec;
  key.curve = rsa ? "" : json_string(from, "crv").value_or("");
  if (rsa && !is_exponent(json_string(from, "e").value_or(""))) return std::unexpected("has an exponent that is none");
  if (!(rsa ? are_numbers(from, {"n", "e"}) : are_numbers(from, {"x", "y"}))) return std::unexpected("cannot be read");
  const auto text = rsa ? public_part(from, {"kty", "n", "e"}) : public_part(from, {"kty", "crv", "x", "y"});
  if (text == nullptr) return std::unexpected("cannot be read");
  cjose_err error{};
  key.key.reset(cjose_jwk_import(text.get(), std::string_view(text.get()).size(), &error));
  if (key.key == nullptr) return std::unexpected("cannot be read");
  const std::size_t bits = cjose_jwk_get_keysize(key.key.get(), &error);
  if (rsa && (bits < kRsaBitsMin || bits > kRsaBitsMax)) return std::unexpected("is too short or too long");
  return key;
}

std::expected<KeySet, std::string> KeySet::parse(std::string_view text) {
  if (text.size() > kJwksBytesMax) return std::unexpected("the key set is too long");
  const auto json = parse_json_object(text);
  if (!json) return std::unexpected("the key set " + json.error());
  const json_t* const keys = json_member(json->get(), "keys");
  if (!json_is_array(keys)) return std::unexpected("the key set has no \"keys\"");
  if (json_array_size(keys) > kJwksKeysMax) return std::unexpected("the key set has too many keys");
  KeySet set;
  std::string passed_over;
  std::size_t index = 0;
  const json_t* each = nullptr;
  json_array_foreach(keys, index, each) {
    if (auto key = read_key(each)) {
      set.keys_.push_back(*std::move(key));
    } else if (passed_over.empty()) {
      passed_over = "; the first one " + key.error();
    }
  }
  if (set.keys_.empty()) return std::unexpected("the key set has no key that can be used" + passed_over);
  return set;
}

std::vector<const _cjose_jwk_int*> KeySet::find(const SignatureAlgorithm& algorithm, const std::string* id) const {
  std::vector<const _cjose_jwk_int*> found;
  for (const Key& key : keys_) {
    if (id != nullptr && key.id != *id) continue;
    if (key.type != algorithm.key_type || key.curve != algorithm.curve) continue;
    if (key.algorithm.empty() || key.algorithm == algorithm.name) found.push_back(key.key.get());
  }
  return found;
}

bool KeySet::has(std::string_view id) const { return std::ranges::find(keys_, id, &Key::id) != keys_.end(); }

}  // namespace sluice::auth
