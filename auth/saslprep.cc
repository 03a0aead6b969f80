#include "auth/saslprep.h"

#include <stringprep.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "auth/secret.h"

namespace sluice::auth {
namespace {

// A password was in it.
struct WipeAndFree {
  void operator()(char* text) const {
    wipe_bytes(text, std::string_view(text).size());
    std::free(text);
  }
};

bool is_plain_ascii(std::string_view text) {
  constexpr unsigned char kFirst = 0x20;
  constexpr unsigned char kLast = 0x7e;
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= kFirst && byte <= kLast;
  });
}

}  // namespace

std::optional<std::string> saslprep(std::string_view text) {
  if (is_plain_ascii(text)) return std::string(text);
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::string terminated(text);
  char* made = nullptr;
  const int result =
      stringprep_profile(terminated.c_str(), &made, "SASLprep", static_cast<Stringprep_profile_flags>(0));
  wipe_bytes(terminated.data(), terminated.size());
  const std::unique_ptr<char, WipeAndFree> owned(made);
  if (result != STRINGPREP_OK || owned == nullptr) return std::nullopt;
  return std::string(owned.get());
}

std::string saslprep_or_same(std::string_view text) {
  auto prepared = saslprep(text);
  return prepared && !prepared->empty() ? *std::move(prepared) : std::string(text);
}

}  // namespace sluice::auth
