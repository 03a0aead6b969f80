// Keys in files: DIRECTORY/DOMAIN/SELECTOR.pem (PEM, as openssl writes it) or SELECTOR.der, which only the relay's user
// may read.  Files of other names are no keys.
// Any thread; blocks.
#pragma once

#include <string>
#include <utility>

#include "engine/dkim/key_source.h"

namespace sluice::signing {

class KeyDirectory final : public dkim::KeySource {
 public:
  explicit KeyDirectory(std::string directory) : directory_(std::move(directory)) {}

  std::expected<std::vector<dkim::StoredKey>, std::string> keys_of(std::string_view domain) override;

 private:
  std::string directory_;
};

}  // namespace sluice::signing
