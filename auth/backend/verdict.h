// What a back end says of a name and a secret.  A value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/identity.h"
#include "engine/base/time.h"

namespace sluice::auth {

struct Verdict {
  enum class Kind : std::uint8_t {
    granted,
    wrong,        // also where a back end cannot tell an unknown name from a wrong secret
    unknown,      // no such name here: the next back end is asked
    suspended,    // the secret was right
    unavailable,  // no answer: never to be taken for `wrong`
  };
  static constexpr std::size_t kKinds = 5;
  [[nodiscard]] static constexpr std::string_view kind_name(Kind kind) {
    constexpr std::array<std::string_view, kKinds> kNames{"granted", "wrong", "unknown", "suspended", "unavailable"};
    return kNames[static_cast<std::size_t>(kind)];
  }
  Kind kind = Kind::unavailable;
  std::string reason;  // suspended: clean text for the customer; else for the operator's log only

  // Of unavailable: that account's alone, such as a damaged hash; the back end does answer.
  bool of_one_account = false;
  // What is not as it should be although there is an answer, for the operator's log; said once.
  std::string warning;

  // Of granted and suspended.
  IdentityRef identity;              // from our own store, where nothing is left to be found out
  std::string account;               // the back end's spelling of the name; empty: as it was asked for
  std::string customer;              // whose account the back end says that it is; empty: it says nothing
  std::vector<std::string> domains;  // that it says the account may send from; empty: it says nothing
  WallMillis expires = 0;            // of granted: when that ends; 0: it says nothing

  [[nodiscard]] static Verdict of(Kind kind, std::string reason = {}) {
    return {.kind = kind,
            .reason = std::move(reason),
            .of_one_account = false,
            .warning = {},
            .identity = nullptr,
            .account = {},
            .customer = {},
            .domains = {}};
  }
};

}  // namespace sluice::auth
