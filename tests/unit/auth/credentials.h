// Short ways for tests to a Name and a Secret that are known to be clean.
#pragma once

#include <string_view>

#include "auth/secret.h"

namespace sluice::auth {

inline Name name_of(std::string_view text) { return Name::make(text).value(); }
inline Secret secret_of(std::string_view text) { return Secret::make(text).value(); }

}  // namespace sluice::auth
