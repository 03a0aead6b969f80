// The secret by which the log hashes addresses (privacy.h): a file of hexadecimal digits in the state
// directory, made once, so that an address has the same token after a restart.  Blocks: at the start, or on a worker.
#pragma once

#include <expected>
#include <string>

#include "engine/event/privacy.h"
#include "engine/io/platform.h"

namespace sluice::event {

// Made where it is missing, readable by its owner alone.  The error is a sentence that names the file, also where it is
// there and is no key: a new one in its place would give all addresses other tokens.
[[nodiscard]] std::expected<PrivacyKey, std::string> log_key(const std::string& state_dir, io::Random& random);

[[nodiscard]] std::string log_key_file(const std::string& state_dir);
// Of such a file.
[[nodiscard]] std::expected<PrivacyKey, std::string> read_log_key(const std::string& path);

}  // namespace sluice::event
