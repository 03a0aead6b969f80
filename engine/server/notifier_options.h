// What [notify] and [[webhook]] mean: secrets read, names made into values.  On a thread that may block.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "engine/config/config.h"
#include "engine/notify/notifier.h"

namespace sluice::server {

// The error is a sentence that names the file.
[[nodiscard]] std::expected<std::shared_ptr<const notify::NotifierOptions>, std::string> notifier_options(
    const config::Config& config);

}  // namespace sluice::server
