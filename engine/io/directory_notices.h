// Notices of what changes in a directory (inotify(7)), for a thread that may block.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/io/descriptor.h"

namespace sluice::io {

// Readable once a file of the directory was written, made, renamed or removed. The error
// is a sentence. Changes that another machine makes on a shared file system are not noticed.
std::expected<Descriptor, std::string> open_directory_notices(const std::string& directory);

// The names that notices were about since the last call; one of "" says that some were lost. Does not wait.
std::vector<std::string> read_directory_notices(int notices);

}  // namespace sluice::io
