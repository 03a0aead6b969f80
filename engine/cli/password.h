// Where sluicectl gets a password from: a stream, the terminal, or chance. Never the command line.
// Blocking; the control program's only thread.
#pragma once

#include <iosfwd>
#include <string>

#include "auth/secret.h"
#include "auth/store/store_error.h"
#include "engine/io/platform.h"

namespace sluice::cli {

// The first line of `in`, without its line end. InvalidArgument if there is none, or it cannot be a
// password.
[[nodiscard]] auth::StoreResult<auth::Secret> read_password_line(std::istream& in);

// Asks twice on the terminal `descriptor`, with echo off. InvalidArgument if the two differ.
[[nodiscard]] auth::StoreResult<auth::Secret> ask_password(int descriptor, const std::string& prompt);

[[nodiscard]] bool is_terminal(int descriptor);

// 20 characters of 32 that are hard to confuse, in four groups: 100 bits.
[[nodiscard]] std::string generate_password(io::Random& random);

}  // namespace sluice::cli
